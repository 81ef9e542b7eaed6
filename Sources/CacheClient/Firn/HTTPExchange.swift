// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One request and its answer: the only place that knows the HTTP client.
struct HTTPExchange {
    struct Request: Sendable {
        /// The target, with its slash in front.
        var path: String
        /// `nil` is a GET, anything else a POST of JSON.
        var body: [UInt8]?
        /// Sent as Bearer authentication.
        var token: String?
        /// Sent as Basic authentication, as Nix sends what stands in a netrc file.
        var login: CacheLogin?

        init(
            path: String,
            body: [UInt8]? = nil,
            token: String? = nil,
            login: CacheLogin? = nil
        ) {
            self.path = path
            self.body = body
            self.token = token
            self.login = login
        }
    }

    struct Answer: Sendable {
        var status: Int
        var mediaType: String
        var body: [UInt8]
        /// The `Date` field, as it came.
        var date: String?

        var isJSON: Bool { mediaType == "application/json" }
        var isPlainText: Bool { mediaType == "text/plain" }
        /// The first line, as far as it is reasonable to show.
        var phrase: String {
            let line = body.prefix(200).prefix { $0 != 0x0A && $0 != 0x0D }
            return String(decoding: line.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
        }
    }

    enum Failure: Error {
        case noConnection(reason: String)
        /// The server shows a certificate that nobody vouches for, or for another name.
        case untrusted(reason: String)
        case timedOut
        case brokenOff(reason: String)
    }

    /// The state of thousands of transfers is far below it.
    private static let largestAnswerBytes = 16 << 20

    let address: FirnAddress
    /// From the call to the answer's last byte.
    let limit: Duration

    func send(_ request: Request) async throws(Failure) -> Answer {
        do {
            return try await withThrowingTaskGroup(of: Answer.self) { group in
                group.addTask { try await exchange(request) }
                group.addTask {
                    try await Task.sleep(for: limit)
                    throw Failure.timedOut
                }
                defer { group.cancelAll() }
                guard let answer = try await group.next() else { throw Failure.timedOut }
                return answer
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(error)
        }
    }

    private func exchange(_ request: Request) async throws -> Answer {
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let answer = try await ask(client, request)
            try? await client.shutdown()
            return answer
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private func ask(_ client: HTTPClient, _ request: Request) async throws -> Answer {
        var message = HTTPClientRequest(url: address.baseURL + request.path)
        message.headers.add(name: "Accept", value: "application/json")
        if let token = request.token {
            message.headers.add(name: "Authorization", value: "Bearer \(token)")
        }
        if let login = request.login {
            message.headers.add(name: "Authorization", value: login.authorization)
        }
        if let body = request.body {
            message.method = .POST
            message.headers.add(name: "Content-Type", value: "application/json")
            message.body = .bytes(body)
        }
        let response = try await client.execute(message, timeout: .nanoseconds(nanoseconds))
        let body = try await response.body.collect(upTo: Self.largestAnswerBytes)
        let type = response.headers.first(name: "Content-Type") ?? ""
        return Answer(
            status: Int(response.status.code),
            mediaType: type.prefix { $0 != ";" && $0 != " " }.lowercased(),
            body: Array(body.readableBytesView),
            date: response.headers.first(name: "Date")
        )
    }

    private var nanoseconds: Int64 {
        limit.components.seconds * 1_000_000_000 + limit.components.attoseconds / 1_000_000_000
    }

    private var configuration: HTTPClient.Configuration {
        var result = HTTPClient.Configuration(redirectConfiguration: .disallow)
        result.httpVersion = .http1Only
        result.decompression = .disabled
        // A daemon that is not there is told at once, and not when the time is up.
        result.connectionPool.retryConnectionEstablishment = false
        // The client does not end before its attempts to connect have.
        result.timeout.connect = .nanoseconds(nanoseconds)
        if case .web(_, let certificate) = address {
            result.tlsConfiguration = TLSConfiguration(checking: certificate)
        }
        return result
    }
}

extension TLSConfiguration {
    init(checking certificate: CertificateCheck) {
        self = .makeClientConfiguration()
        switch certificate {
        case .none: certificateVerification = .none
        case .authorities(nil): break
        case .authorities(let file?): trustRoots = .file(file)
        }
    }
}

extension HTTPExchange.Failure {
    /// Turns the client's errors, which are of many types, into ours.
    init(_ error: any Error) {
        switch error {
        case let error as HTTPClientError where Self.timeouts.contains(error): self = .timedOut
        case let error as NIOConnectionError: self = .noConnection(reason: Self.reason(of: error))
        case let error as IOError where Self.isAboutConnecting(error.errnoCode):
            self = .noConnection(reason: Self.words(error.errnoCode))
        case let error as NIOSSLError: self = Self.handshake("\(error)")
        case is NIOSSLExtraError:
            self = .untrusted(reason: "its certificate is for another name")
        case let error as IOError: self = .brokenOff(reason: Self.words(error.errnoCode))
        default: self = .brokenOff(reason: "\(error)")
        }
    }

    /// BoringSSL's own text is long, and names files of the machine that built it.
    private static func handshake(_ text: String) -> Self {
        guard text.contains("CERTIFICATE_VERIFY_FAILED") else {
            let words = text.split { !$0.isLetter && $0 != "_" }
            let code = words.last { $0.contains("_") && $0 == $0.uppercased()[...] }
            return .noConnection(reason: code.map { "TLS: \($0)" } ?? "TLS: no handshake")
        }
        return .untrusted(
            reason: "no authority that is trusted here vouches for its certificate;"
                + " SSL_CERT_FILE names a file of others"
        )
    }

    private static let timeouts: [HTTPClientError] = [
        .connectTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout, .readTimeout,
        .tlsHandshakeTimeout,
    ]

    private static func isAboutConnecting(_ code: CInt) -> Bool {
        [ECONNREFUSED, ENOENT, EACCES, ENOTSOCK, EHOSTUNREACH, ENETUNREACH].contains(code)
    }

    private static func reason(of error: NIOConnectionError) -> String {
        for attempt in error.connectionErrors {
            if let cause = attempt.error as? IOError { return words(cause.errnoCode) }
        }
        return error.dnsAError == nil && error.dnsAAAAError == nil
            ? "no connection" : "there is no host called \(error.host)"
    }

    private static func words(_ code: CInt) -> String {
        unsafe String(cString: strerror(code)).lowercased()
    }
}
