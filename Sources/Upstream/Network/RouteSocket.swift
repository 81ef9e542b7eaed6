// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A netlink socket on which the kernel tells of links, addresses and routes.
///
/// - Source: rtnetlink(7), netlink(7).
struct RouteSocket: ~Copyable {
    struct OpenError: Error, CustomStringConvertible {
        let code: Int32
        var description: String { unsafe String(cString: strerror(code)) }
    }

    /// `struct sockaddr_nl`, which Glibc's module does not have.
    private struct Address {
        var family = UInt16(AF_NETLINK)
        var padding: UInt16 = 0
        var port: UInt32 = 0
        var groups: UInt32
    }

    /// RTMGRP_LINK, and IFADDR and ROUTE of IPv4 and of IPv6.
    private static let groups: UInt32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
    private let descriptor: Int32

    init() throws(OpenError) {
        let type =
            Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            | Int32(SOCK_NONBLOCK.rawValue)
        // NETLINK_ROUTE is 0.
        descriptor = socket(AF_NETLINK, type, 0)
        guard descriptor >= 0 else { throw OpenError(code: errno) }
        var address = Address(groups: Self.groups)
        // SAFETY: the structure has the layout and the size that are told.
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard status == 0 else {
            let code = errno
            close(descriptor)
            throw OpenError(code: code)
        }
    }

    deinit { close(descriptor) }

    /// Waits for news, and reads what there is.
    ///
    /// - Parameters:
    ///   - stop: A descriptor that becomes readable when there is no more to wait for.
    ///   - milliseconds: -1 for ever.
    /// - Returns: `nil` when told to stop; otherwise whether there was news.
    func wait(orUntil stop: Int32, milliseconds: Int32) -> Bool? {
        var watched = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
        ]
        // SAFETY: two entries, as told.
        let count = unsafe poll(&watched, 2, milliseconds)
        if watched[1].revents != 0 { return nil }
        guard count > 0 else { return false }
        drain()
        return true
    }

    /// What it says in detail does not matter; ENOBUFS says that there was more than could be kept.
    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        while unsafe recv(descriptor, &buffer, buffer.count, 0) > 0 {}
    }
}
