// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// A socket that listens on a port of the loopback interface, or on a path.
package final class ListeningSocket: Sendable {
    package let descriptor: Int32
    /// 0 for a unix socket.
    package let port: UInt16

    /// Listens on a port of the loopback interface; 0 lets the kernel choose.
    ///
    /// With a `backlog` of 0, the second connection that nobody accepts is already left waiting.
    package init(port wanted: UInt16 = 0, backlog: Int32 = 1024) throws {
        let kind = Int32(SOCK_STREAM.rawValue) | StreamSocket.closeOnExec
        descriptor = try StreamSocket.checked("socket", socket(AF_INET, kind, 0))
        // A port whose last connections have only just ended can be taken again.
        var reuses: Int32 = 1
        let reusesSize = socklen_t(MemoryLayout<Int32>.size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuses, reusesSize)
        var address = SocketAddress.loopback(port: wanted)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, length) | getsockname(descriptor, $0, &length)
            }
        }
        _ = try StreamSocket.checked("bind", status)
        port = UInt16(bigEndian: address.sin_port)
        _ = try StreamSocket.checked("listen", listen(descriptor, backlog))
    }

    /// Listens on a unix socket, which is made.
    package init(unixPath: String) throws {
        let kind = Int32(SOCK_STREAM.rawValue) | StreamSocket.closeOnExec
        descriptor = try StreamSocket.checked("socket", socket(AF_UNIX, kind, 0))
        port = 0
        var address = SocketAddress.unix(path: unixPath)
        let descriptor = descriptor
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        _ = try StreamSocket.checked("bind", status)
        _ = try StreamSocket.checked("listen", listen(descriptor, 1024))
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Waits for the next connection.
    ///
    /// - Throws: ``StreamSocket/Failure`` once ``stop()`` was called.
    package func accept() throws -> StreamSocket {
        let accepted = Glibc.accept(descriptor, nil, nil)
        let socket = try StreamSocket(adopting: try StreamSocket.checked("accept", accepted))
        // Else the servers that tests start would hold it open.
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        return socket
    }

    /// Wakes whoever waits in ``accept()``; no connection is taken any more.
    package func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}
