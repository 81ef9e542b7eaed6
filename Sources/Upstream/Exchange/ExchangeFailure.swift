// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why there is no answer, or not all of it, and what that says about the server.
struct ExchangeFailure: Error, Sendable {
    /// What the failure is held against.
    enum Blame: Sendable, Hashable {
        /// The address that was asked.
        case address
        /// What was answered; the address did answer.
        case answer
        /// Nobody: we gave up, or were busy ourselves.
        case nobody
    }

    var reason: UpstreamFailure
    var blame: Blame
    /// The connection was closed before any answer: an idle one may have been closed under way, so
    /// the question is worth a second try.
    var isWorthAnotherTry = false

    /// Whether it is for want of time.
    var isLate: Bool { reason == .timedOut || reason == Self.noConnection.reason }

    static let timedOut = Self(reason: .timedOut, blame: .address)
    /// Too many requests of ours were waiting for a connection.
    static let busy = Self(reason: .timedOut, blame: .nobody)
    static let noConnection = Self(
        reason: .unreachable("nothing answers the connection"),
        blame: .address
    )
    static let cancelled = Self(reason: .brokenOff("cancelled"), blame: .nobody)

    /// While this one waited for its turn, the address turned out to be down.
    static let unwanted = Self(reason: .unavailable, blame: .nobody)

    static func noAddress(_ host: String) -> Self {
        Self(reason: .unreachable("no address is known for \(host)"), blame: .address)
    }

    static func malformed(_ what: String) -> Self {
        Self(reason: .malformed(what), blame: .answer)
    }

    /// Puts an error of the HTTP client into our words.
    ///
    /// - Parameters:
    ///   - error: From AsyncHTTPClient or from below it.
    ///   - isConnected: Whether the request had gone out.
    ///   - hasHead: Whether the head of the answer had come.
    init(_ error: any Error, isConnected: Bool, hasHead: Bool) {
        switch error {
        case let error as ExchangeFailure:
            self = error
        case let error as HTTPParserError where error != .invalidEOFState:
            self.init(reason: .malformed("not HTTP: \(error)"), blame: .address)
        case let error as HTTPClientError where error != .remoteConnectionClosed:
            self.init(error)
        default:
            guard isConnected || Self.isClosing(error) else {
                self.init(reason: .unreachable(Self.text(of: error)), blame: .address)
                return
            }
            self.init(reason: .brokenOff(Self.text(of: error)), blame: .address)
            isWorthAnotherTry = !hasHead
        }
    }

    /// The end of a connection that was there: taken from among the idle ones, and closed just then.
    private static func isClosing(_ error: any Error) -> Bool {
        switch error {
        case is HTTPClientError: true
        case let error as IOError: [ECONNRESET, EPIPE, ENOTCONN].contains(error.errnoCode)
        case let error as ChannelError: error == .ioOnClosedChannel || error == .eof
        default: false
        }
    }

    private init(_ error: HTTPClientError) {
        switch error {
        case .cancelled, .alreadyShutdown: self = .cancelled
        case .connectTimeout, .getConnectionFromPoolTimeout: self = .noConnection
        case .tlsHandshakeTimeout:
            self.init(reason: .unreachable("no TLS handshake in time"), blame: .address)
        default: self.init(reason: .malformed(error.shortDescription), blame: .address)
        }
    }

    init(reason: UpstreamFailure, blame: Blame) {
        self.reason = reason
        self.blame = blame
    }

    /// BoringSSL's own text is long, and names files of the machine that built it.
    private static func text(ofTLS error: String) -> String {
        if error.contains("CERTIFICATE_VERIFY_FAILED") { return "TLS: an untrusted certificate" }
        let words = error.split { !$0.isLetter && $0 != "_" }
        let reason = words.last { $0.contains("_") && $0 == $0.uppercased()[...] }
        return reason.map { "TLS: \($0)" } ?? "TLS: no handshake"
    }

    private static func text(of error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { text(of: $0.error) } ?? "no address for this name"
        case let error as IOError:
            // Its own text is that of a programmer's log.
            unsafe String(cString: strerror(error.errnoCode)).lowercased()
        case let error as NIOSSLError: text(ofTLS: "\(error)")
        case is NIOSSLExtraError: "TLS: the certificate is for another name"
        case is HTTPClientError, is HTTPParserError, is ChannelError:
            "the server closed the connection"
        default: "\(error)"
        }
    }
}
