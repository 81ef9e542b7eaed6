// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A connection to a local server, with blocking calls that give up after a while.
final class UnixSocket {
    private let descriptor: Int32

    /// - Parameters:
    ///   - path: Where the server listens.
    ///   - timeout: For each single call.
    /// - Throws: ``SystemError``.
    init(connectingTo path: String, timeout: Duration) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw SystemError(code: errno) }
        var limit = timeval(tv_sec: Int(max(timeout.components.seconds, 1)), tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        do {
            try connect(to: path)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        close(descriptor)
    }

    func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[sent...])
                return unsafe send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError(code: errno) }
            sent += count
        }
    }

    /// Reads exactly this many bytes.
    func read(_ wanted: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: wanted)
        var received = 0
        while received < wanted {
            let count = unsafe bytes.withUnsafeMutableBytes { bytes in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[received...])
                return unsafe recv(descriptor, rest.baseAddress, rest.count, 0)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError(code: errno) }
            guard count > 0 else { throw SystemError(code: ECONNRESET) }
            received += count
        }
        return bytes
    }

    /// Whether the other side has not gone away.
    ///
    /// Does not wait.
    var isConnected: Bool {
        var byte: UInt8 = 0
        let flags = Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)
        let count = unsafe recv(descriptor, &byte, 1, flags)
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
    }

    /// An address has room for 107 bytes; a longer path goes through its directory's descriptor.
    private func connect(to path: String) throws {
        var address = sockaddr_un()
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard path.utf8.count > room else { return try connectShort(to: path, &address) }
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let parent = unsafe open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { throw SystemError(code: errno) }
        defer { close(parent) }
        try connectShort(to: "/proc/self/fd/\(parent)\(path[slash...])", &address)
    }

    private func connectShort(to path: String, _ address: inout sockaddr_un) throws {
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            unsafe room.copyBytes(from: path.utf8.prefix(room.count - 1))
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let code = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, size)
            }
        }
        guard code == 0 else { throw SystemError(code: errno) }
    }
}
