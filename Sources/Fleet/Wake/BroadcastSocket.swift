// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Sends a packet to every card on every network that this machine is on.
package enum BroadcastSocket {
    /// Sends the packet once on each network; a network that refuses it does not keep it from others.
    ///
    /// - Throws: ``Waker/Failure`` when it went out on none.
    package static func send(_ packet: MagicPacket) throws {
        let targets = broadcastAddresses()
        guard !targets.isEmpty else { throw Waker.Failure.noNetwork }
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | closeOnExec, 0)
        guard descriptor >= 0 else { throw Waker.Failure.notSent(lastError()) }
        defer { close(descriptor) }
        var isAllowed: Int32 = 1
        let length = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_BROADCAST, &isAllowed, length)
        var failure: String?
        var wasSent = false
        for target in targets {
            if write(packet.bytes, to: target, through: descriptor) {
                wasSent = true
            } else {
                failure = lastError()
            }
        }
        guard wasSent else { throw Waker.Failure.notSent(failure ?? "no reason given") }
    }

    /// SOCK_CLOEXEC, so that no ssh started meanwhile inherits it.
    private static let closeOnExec: Int32 = 0o2_000_000

    /// Those of all networks that are up, each once, in network byte order.
    static func broadcastAddresses() -> [in_addr_t] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
        defer { unsafe freeifaddrs(first) }
        var found: [in_addr_t] = []
        var next = unsafe first
        while let entry = unsafe next {
            if let address = unsafe broadcast(of: entry.pointee), !found.contains(address) {
                found.append(address)
            }
            unsafe next = entry.pointee.ifa_next
        }
        return found
    }

    /// From address and mask: whoever sets an address by hand often sets no broadcast address.
    private static func broadcast(of entry: ifaddrs) -> in_addr_t? {
        let wanted = UInt32(IFF_UP | IFF_BROADCAST)
        guard unsafe entry.ifa_flags & wanted == wanted,
            let own = unsafe internetAddress(entry.ifa_addr),
            let mask = unsafe internetAddress(entry.ifa_netmask), mask != 0
        else { return nil }
        // The two ends of a link of two addresses have nobody else to tell (RFC 3021).
        guard (~mask).nonzeroBitCount > 1 else { return nil }
        return own | ~mask
    }

    private static func internetAddress(_ address: UnsafeMutablePointer<sockaddr>?) -> in_addr_t? {
        // SAFETY: getifaddrs keeps all its addresses until freeifaddrs, and one of family AF_INET is a
        // sockaddr_in.
        guard let address = unsafe address,
            unsafe address.pointee.sa_family == UInt16(AF_INET)
        else { return nil }
        return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            unsafe $0.pointee.sin_addr.s_addr
        }
    }

    private static func write(
        _ bytes: [UInt8],
        to address: in_addr_t,
        through descriptor: Int32
    ) -> Bool {
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = MagicPacket.port.bigEndian
        target.sin_addr.s_addr = address
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: `target` is a whole sockaddr_in, and lives until the call returns.
        let sent = unsafe withUnsafePointer(to: &target) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe sendto(descriptor, bytes, bytes.count, 0, generic, length)
            }
        }
        return sent == bytes.count
    }

    private static func lastError() -> String { unsafe String(cString: strerror(errno)) }
}
