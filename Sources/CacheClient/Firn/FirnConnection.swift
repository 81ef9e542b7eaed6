// SPDX-License-Identifier: Apache-2.0
package import FirnAPI
package import NixFormat

/// Asks a daemon, each question on a connection of its own.
///
/// Every question ends within its limit and may be asked again, also after a failure.
package struct FirnConnection: Sendable {
    /// The longest that is waited for each kind of answer.
    package struct Limits: Hashable, Sendable {
        /// Answered from memory.
        package var status: Duration = .seconds(3)
        /// The daemon asks its tiers meanwhile, which it gives two seconds.
        package var explain: Duration = .seconds(6)
        /// Thousands of files are removed meanwhile.
        package var collect: Duration = .seconds(600)
        /// As for a collection, where a cache is deleted.
        package var order: Duration = .seconds(600)

        package init() {}
    }

    package let address: FirnAddress
    package let limits: Limits

    /// Shown with every question; `nil` where none is needed.
    private let token: String?

    package init(to address: FirnAddress, token: String? = nil, limits: Limits = Limits()) {
        self.address = address
        self.token = token
        self.limits = limits
    }

    /// Has something done about caches or tokens; see the route for what it takes and answers.
    package func order<Body: Decodable & Sendable>(
        _ route: FirnRoute,
        _ request: some Encodable
    ) async throws(FirnConnectionError) -> FirnReply<Body> {
        let body: [UInt8]
        do {
            body = try FirnJSON.write(request)
        } catch {
            preconditionFailure("an order can be written as JSON: \(error)")
        }
        let request = HTTPExchange.Request(path: route.path, body: body, token: token)
        return try await ask(request, limits.order)
    }

    package func status() async throws(FirnConnectionError) -> FirnReply<StatusReport> {
        try await ask(HTTPExchange.Request(path: FirnRoute.status.path), limits.status)
    }

    /// Who a cache is; `nil` asks for the server itself.
    package func identity(
        of cache: String?
    ) async throws(FirnConnectionError) -> FirnReply<IdentityReport> {
        let path = FirnRoute.identity(cache: cache).path
        return try await ask(HTTPExchange.Request(path: path, token: token), limits.status)
    }

    /// What `/readyz` says: a line for each check, whether or not all of them pass.
    package func readiness() async throws(FirnConnectionError) -> [String] {
        let answer = try await send(HTTPExchange.Request(path: "/readyz"), limits.status)
        guard answer.isPlainText, answer.status == 200 || answer.status == 503 else {
            throw failure(.notFirn)
        }
        return String(decoding: answer.body.prefix(4_096), as: UTF8.self)
            .split(separator: "\n").map(String.init)
    }

    package func explain(
        _ hash: StorePathHash
    ) async throws(FirnConnectionError) -> FirnReply<ExplainReport> {
        let request = HTTPExchange.Request(path: FirnRoute.explain(hash).path)
        return try await ask(request, limits.explain)
    }

    package func collect(
        _ request: CollectRequest
    ) async throws(FirnConnectionError) -> FirnReply<CollectReport> {
        let body: [UInt8]
        do {
            body = try FirnJSON.write(request)
        } catch {
            preconditionFailure("a number and a flag can be written as JSON: \(error)")
        }
        return try await ask(
            HTTPExchange.Request(path: FirnRoute.collect.path, body: body),
            limits.collect
        )
    }

    private func ask<Body: Decodable & Sendable>(
        _ request: HTTPExchange.Request,
        _ limit: Duration
    ) async throws(FirnConnectionError) -> FirnReply<Body> {
        let answer = try await send(request, limit)
        switch answer.status {
        case 200 where answer.isJSON:
            do {
                return FirnReply(try FirnJSON.parse(answer.body, as: Body.self), json: answer.body)
            } catch {
                throw failure(.unreadable(error))
            }
        case 400...499 where request.body != nil && answer.isPlainText:
            guard await isFirn() else { throw failure(.notFirn) }
            throw failure(.refused(status: answer.status, phrase: answer.phrase))
        case 500...599 where answer.isJSON || answer.isPlainText:
            throw failure(.failed(status: answer.status, phrase: answer.phrase))
        default:
            throw failure(await isFirn() ? .unanswered : .notFirn)
        }
    }

    /// Whether it is a Firn of any version: all of them count the bytes of NARs under this name.
    private func isFirn() async -> Bool {
        let request = HTTPExchange.Request(path: "/metrics")
        guard let answer = try? await send(request, limits.status) else { return false }
        return answer.status == 200
            && String(decoding: answer.body, as: UTF8.self).contains("firn_store_")
    }

    private func send(
        _ request: HTTPExchange.Request,
        _ limit: Duration
    ) async throws(FirnConnectionError) -> HTTPExchange.Answer {
        do throws(HTTPExchange.Failure) {
            return try await HTTPExchange(address: address, limit: limit).send(request)
        } catch {
            switch error {
            case .noConnection(let reason): throw failure(.notRunning(reason: reason))
            case .untrusted(let reason): throw failure(.untrusted(reason: reason))
            case .timedOut: throw failure(.timedOut(after: limit))
            case .brokenOff(let reason): throw failure(.brokenOff(reason: reason))
            }
        }
    }

    private func failure(_ cause: FirnConnectionError.Cause) -> FirnConnectionError {
        FirnConnectionError(address: address, cause: cause)
    }
}

/// An answer, and the bytes that it was read from.
package struct FirnReply<Body: Sendable>: Sendable {
    package let body: Body
    /// As the daemon sent it: keys that this version does not know are still in it.
    package let json: [UInt8]

    init(_ body: Body, json: [UInt8]) {
        self.body = body
        self.json = json
    }
}
