// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// The URLs that lead other machines to a listener.
package struct ClientURLs: Sendable {
    package let hostName: String
    /// The address of this machine that others see; `nil` without a network.
    package let outwardAddress: String?
    package let isTLS: Bool

    package init(hostName: String, outwardAddress: String?, isTLS: Bool) {
        self.hostName = hostName
        self.outwardAddress = outwardAddress
        self.isTLS = isTLS
    }

    /// What holds for the machine that this runs on.
    package static func ofThisMachine(isTLS: Bool) -> ClientURLs {
        ClientURLs(
            hostName: ProcessInfo.processInfo.hostName,
            outwardAddress: outwardIPv4Address(),
            isTLS: isTLS
        )
    }

    /// - Returns: The best URL first. An address comes before a name, since it works without a
    ///   name service, but with TLS the name does, since certificates are made for names.
    package func urls(for addresses: [ServeAddress]) -> [String] {
        var urls: [String] = []
        for address in addresses {
            guard case .tcp(let host, let port) = address else { continue }
            for name in names(for: host) {
                let authority = name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
                let url = "\(isTLS ? "https" : "http")://\(authority)"
                if !urls.contains(url) { urls.append(url) }
            }
        }
        return urls
    }

    /// The listeners that no URL leads to.
    package static func sockets(among addresses: [ServeAddress]) -> [String] {
        addresses.compactMap { address in
            switch address {
            case .tcp: nil
            case .unix, .inherited: address.description
            }
        }
    }

    private func names(for host: String) -> [String] {
        guard host == "::" || host == "0.0.0.0" else { return [host] }
        let address = outwardAddress ?? "localhost"
        return isTLS ? [hostName, address] : [address, hostName]
    }

    /// The source address that the routing table would choose for the outside.
    ///
    /// Connecting a datagram socket sends nothing, and needs no name service.
    private static func outwardIPv4Address() -> String? {
        let descriptor = socket(
            AF_INET,
            Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue),
            0
        )
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(9).bigEndian
        // TEST-NET-1 (RFC 5737) is nobody's, so the default route is what is asked for.
        address.sin_addr.s_addr = UInt32(0xC000_0201).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isKnown = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe connect(descriptor, generic, length) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard isKnown, address.sin_addr.s_addr != 0 else { return nil }
        let bytes = unsafe withUnsafeBytes(of: address.sin_addr.s_addr) { unsafe Array($0) }
        return bytes.map(String.init).joined(separator: ".")
    }
}
