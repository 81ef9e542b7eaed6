// SPDX-License-Identifier: Apache-2.0
import Glibc

/// An address of the internet protocol, whichever way it was written.
///
/// - Shape: 4 or 16 bytes in network order; IPv4 within IPv6 (`::ffff:1.2.3.4`) is IPv4.
package struct IPAddress: Hashable, Sendable {
    private let bytes: [UInt8]

    /// - Returns: `nil` for what is a name. A zone (`fe80::1%eth0`) is left out.
    package init?(parsing text: some StringProtocol) {
        // Nothing behind a NUL is seen by inet_pton.
        guard !text.utf8.contains(0) else { return nil }
        let text = String(text.prefix { $0 != "%" })
        var (four, sixteen) = (in_addr(), in6_addr())
        if unsafe inet_pton(AF_INET, text, &four) == 1 {
            self.init(unsafe withUnsafeBytes(of: four) { unsafe Array($0) })
        } else if unsafe inet_pton(AF_INET6, text, &sixteen) == 1 {
            self.init(unsafe withUnsafeBytes(of: sixteen) { unsafe Array($0) })
        } else {
            return nil
        }
    }

    private init(_ bytes: [UInt8]) {
        let isMapped = bytes.count == 16 && bytes.starts(with: Self.mappedPrefix)
        self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
    }

    private static let mappedPrefix: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]

    package var isIPv4: Bool { bytes.count == 4 }
    package var isLoopback: Bool {
        isIPv4 ? bytes[0] == 127 : bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 }
    }
    /// `0.0.0.0` or `::`: every address of the machine to who listens, itself to who connects.
    package var isWildcard: Bool { bytes.allSatisfy { $0 == 0 } }

    /// Those of this machine's interfaces at this moment.
    package static func ofThisMachine() -> Set<IPAddress> {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
        defer { unsafe freeifaddrs(first) }
        var addresses: Set<IPAddress> = []
        var next = unsafe first
        while let interface = unsafe next {
            if let address = unsafe interface.pointee.ifa_addr.flatMap({ unsafe IPAddress($0) }) {
                addresses.insert(address)
            }
            unsafe next = interface.pointee.ifa_next
        }
        return addresses
    }

    /// SAFETY: as long as its family says, which the kernel guarantees.
    fileprivate init?(_ address: UnsafePointer<sockaddr>) {
        let raw = unsafe UnsafeRawPointer(address)
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            let address = unsafe raw.load(as: sockaddr_in.self).sin_addr
            self.init(unsafe withUnsafeBytes(of: address) { unsafe Array($0) })
        case AF_INET6:
            let address = unsafe raw.load(as: sockaddr_in6.self).sin6_addr
            self.init(unsafe withUnsafeBytes(of: address) { unsafe Array($0) })
        default: return nil
        }
    }
}

extension ServeAddress {
    /// Where a socket listens that somebody else has opened; `nil` when it is no TCP socket.
    package static func ofSocket(_ descriptor: Int32) -> ServeAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard unsafe getsockname(descriptor, generic, &length) == 0 else { return nil }
                var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
                var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
                let flags = NI_NUMERICHOST | NI_NUMERICSERV
                let status = unsafe getnameinfo(
                    generic,
                    length,
                    &host,
                    socklen_t(host.count),
                    &port,
                    socklen_t(port.count),
                    flags
                )
                let family = unsafe Int32(generic.pointee.sa_family)
                guard status == 0, family == AF_INET || family == AF_INET6,
                    let number = UInt16(Self.text(port))
                else { return nil }
                return .tcp(host: Self.text(host), port: number)
            }
        }
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
