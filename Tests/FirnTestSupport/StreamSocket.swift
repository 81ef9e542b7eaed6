// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// A connected stream socket whose calls block; every call gives up after ``patience``.
///
/// Plain system calls, so that a test decides which bytes travel in which piece, and what is left
/// unread. Closed when the last reference goes.
package final class StreamSocket: Sendable {
    /// How long a single read or write may wait.
    package static let patience: Duration = .seconds(60)

    package let descriptor: Int32
    private let isOpen = Mutex(true)

    package init(adopting descriptor: Int32) throws {
        self.descriptor = descriptor
        try setTimeout(SO_RCVTIMEO, Self.patience)
        try setTimeout(SO_SNDTIMEO, Self.patience)
    }

    deinit { close() }

    /// Connects to a port of the loopback interface.
    ///
    /// `receiveBufferBytes` is how much the kernel may take from the peer ahead of the reader; `nil`
    /// leaves its default.
    package static func connect(
        port: UInt16,
        receiveBufferBytes: Int32? = nil
    ) throws -> StreamSocket {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | closeOnExec, 0)
        let connection = try StreamSocket(adopting: try checked("socket", descriptor))
        if let receiveBufferBytes {
            var size = receiveBufferBytes
            let length = socklen_t(MemoryLayout<Int32>.size)
            let set = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, length)
            _ = try checked("setsockopt", set)
        }
        var address = SocketAddress.loopback(port: port)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        _ = try checked("connect", status)
        return connection
    }

    /// Connects to a unix socket.
    package static func connect(unixPath: String) throws -> StreamSocket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | closeOnExec, 0)
        let connection = try StreamSocket(adopting: try checked("socket", descriptor))
        var address = SocketAddress.unix(path: unixPath)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        _ = try checked("connect", status)
        return connection
    }

    /// Binds a socket that takes messages, each read by one ``read(upTo:)``.
    package static func bindDatagrams(unixPath: String) throws -> StreamSocket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | closeOnExec, 0)
        let receiver = try StreamSocket(adopting: try checked("socket", descriptor))
        var address = SocketAddress.unix(path: unixPath)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        _ = try checked("bind", status)
        return receiver
    }

    /// Sends everything.
    package func write(_ bytes: some Collection<UInt8>) throws {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes { piece in
                unsafe send(descriptor, piece.baseAddress, piece.count, Int32(MSG_NOSIGNAL))
            }
            rest = rest.dropFirst(try Self.checked("send", sent))
        }
    }

    /// Waits for some bytes.
    ///
    /// - Returns: Between 1 and `limit` bytes; empty once the peer has finished.
    package func read(upTo limit: Int = 65_536) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = 0
            let read = unsafe recv(descriptor, buffer.baseAddress, limit, 0)
            count = try Self.checked("recv", read)
        }
    }

    /// Bounds what the kernel takes of what is written, so that it has gone when it was written.
    package func boundSending(to byteCount: Int32) {
        var size = byteCount
        _ = unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_SNDBUF,
            &size,
            socklen_t(MemoryLayout<Int32>.size)
        )
    }

    /// Tells the peer that nothing more comes; reading goes on.
    package func finishWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends the connection in both directions, waking whoever is blocked on it.
    package func cut() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Gives the descriptor back; a second time does nothing.
    package func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { _ = Glibc.close(descriptor) }
    }

    /// Sets how long a read may wait; whole seconds.
    package func setReadTimeout(_ limit: Duration) throws {
        try setTimeout(SO_RCVTIMEO, limit)
    }

    private func setTimeout(_ option: Int32, _ limit: Duration) throws {
        var time = timeval(tv_sec: Int(limit.components.seconds), tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        let set = unsafe setsockopt(descriptor, SOL_SOCKET, option, &time, size)
        _ = try Self.checked("setsockopt", set)
    }

    static let closeOnExec = Int32(SOCK_CLOEXEC.rawValue)

    /// A system call that failed.
    package struct Failure: Error, CustomStringConvertible {
        package let call: String
        package let code: Int32

        /// The peer threw the connection away instead of finishing it.
        package var isReset: Bool { code == ECONNRESET || code == EPIPE }

        package var description: String { unsafe "\(call): \(String(cString: strerror(code)))" }
    }

    static func checked<Result: SignedInteger>(_ call: String, _ result: Result) throws -> Result {
        guard result < 0 else { return result }
        throw Failure(call: call, code: errno)
    }
}

/// Addresses as the kernel wants them.
enum SocketAddress {
    static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// A path of more than 107 bytes is cut off.
    static func unix(path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
            unsafe target.copyBytes(from: path.utf8.prefix(target.count - 1))
        }
        return address
    }
}
