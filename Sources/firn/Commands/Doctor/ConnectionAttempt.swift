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
        var outcome = Outcome.failed(.noSuchName)
        var next = unsafe list
        while let entry = unsafe next {
            outcome = unsafe connect(entry)
            if case .connected = outcome { return .connected }
            unsafe next = entry.pointee.ai_next
        }
        return outcome
    }

    private static func reach(resolverCode code: Int32) -> CacheFacts.Reach {
        switch code {
        case EAI_NONAME, -5: .noSuchName
        default: .resolverSilent(reason: unsafe String(cString: gai_strerror(code)).lowercased())
        }
    }

    private func connect(_ entry: UnsafeMutablePointer<addrinfo>) -> Outcome {
        let kind = unsafe entry.pointee.ai_socktype | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = unsafe socket(
            entry.pointee.ai_family,
            kind | Int32(SOCK_CLOEXEC.rawValue),
            0
        )
        guard descriptor >= 0 else { return .failed(Self.reach(errno)) }
        defer { close(descriptor) }
        let result = unsafe Glibc.connect(
            descriptor,
            entry.pointee.ai_addr,
            entry.pointee.ai_addrlen
        )
        if result == 0 { return .connected }
        guard errno == EINPROGRESS else { return .failed(Self.reach(errno)) }
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let left = max(0, (deadline - ContinuousClock.now) / .milliseconds(1))
        guard unsafe poll(&wanted, 1, Int32(left)) > 0 else { return .failed(.blackHole) }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
            return .failed(Self.reach(errno))
        }
        return code == 0 ? .connected : .failed(Self.reach(code))
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
