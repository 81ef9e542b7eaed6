// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Tries to connect as a client of a cache does, and tells how far it came.
///
/// Blocks.
struct ConnectionAttempt {
    let host: String
    let port: UInt16
    let deadline: ContinuousClock.Instant

    enum Outcome {
        case connected
        case failed(CacheFacts.Reach)
    }

    func run() -> Outcome {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else { return .failed(Self.reach(resolverCode: code)) }
        defer { unsafe freeaddrinfo(list) }
        // All addresses at once: a way that leads nowhere must not hide one that does.
        var attempts: [pollfd] = []
        defer { for attempt in attempts { close(attempt.fd) } }
        var failure = CacheFacts.Reach.noSuchName
        var next = unsafe list
        while let entry = unsafe next, attempts.count < Self.mostAddresses {
            switch unsafe begin(entry) {
            case .connected: return .connected
            case .failed(let reach): failure = reach
            case .waiting(let descriptor):
                attempts.append(pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0))
            }
            unsafe next = entry.pointee.ai_next
        }
        return wait(for: &attempts, failure)
    }

    private static let mostAddresses = 8

    /// Until one of them is connected, all have failed, or the time is up.
    private func wait(for attempts: inout [pollfd], _ failure: CacheFacts.Reach) -> Outcome {
        var failure = failure
        while !attempts.isEmpty {
            let left = max(0, (deadline - ContinuousClock.now) / .milliseconds(1))
            let count = nfds_t(attempts.count)
            guard unsafe poll(&attempts, count, Int32(left)) > 0 else { return .failed(.blackHole) }
            for attempt in attempts where attempt.revents != 0 {
                let code = Self.error(of: attempt.fd)
                guard code != 0 else { return .connected }
                failure = Self.reach(code)
                close(attempt.fd)
            }
            attempts.removeAll { $0.revents != 0 }
        }
        return .failed(failure)
    }

    private static func reach(resolverCode code: Int32) -> CacheFacts.Reach {
        switch code {
        case EAI_NONAME, -5: .noSuchName
        default: .resolverSilent(reason: unsafe String(cString: gai_strerror(code)).lowercased())
        }
    }

    private enum Beginning {
        case connected
        case failed(CacheFacts.Reach)
        case waiting(Int32)
    }

    private func begin(_ entry: UnsafeMutablePointer<addrinfo>) -> Beginning {
        let kind = unsafe entry.pointee.ai_socktype | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = unsafe socket(
            entry.pointee.ai_family,
            kind | Int32(SOCK_CLOEXEC.rawValue),
            0
        )
        guard descriptor >= 0 else { return .failed(Self.reach(errno)) }
        let result = unsafe connect(descriptor, entry.pointee.ai_addr, entry.pointee.ai_addrlen)
        let code = errno
        guard result != 0, code == EINPROGRESS else {
            close(descriptor)
            return result == 0 ? .connected : .failed(Self.reach(code))
        }
        return .waiting(descriptor)
    }

    /// What became of an attempt that has ended; 0 where it is connected.
    private static func error(of descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
            return errno
        }
        return code
    }

    private static func reach(_ code: Int32) -> CacheFacts.Reach {
        switch code {
        case ECONNREFUSED: .refused
        case ETIMEDOUT: .blackHole
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EACCES, EPERM, EADDRNOTAVAIL, EAFNOSUPPORT:
            .noRoute(reason: unsafe String(cString: strerror(code)).lowercased())
        default: .broken(reason: unsafe String(cString: strerror(code)).lowercased())
        }
    }
}
