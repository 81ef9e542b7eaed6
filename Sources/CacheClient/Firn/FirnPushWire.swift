// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import NIOHTTP1
import NixFormat
import Push

/// Requests of one push, and what their statuses mean.
struct FirnPushWire: Sendable {
    enum Body: Sendable {
        case none
        case json([UInt8])
        case narInfos([UInt8])
        case pieces([[UInt8]], onBytes: @Sendable (Int) -> Void)
    }

    /// A line that does not move at all is given up far earlier.
    private static let bodyLimit = Duration.seconds(600)
    private static let answerLimit = Duration.seconds(120)

    private let configuration: FirnPushTarget.Configuration
    private let session: WebSession

    init(_ configuration: FirnPushTarget.Configuration, _ session: WebSession) {
        self.configuration = configuration
        self.session = session
    }

    /// As people call it.
    var server: String {
        switch configuration.address {
        case .web(let url, _):
            url.split(separator: "/").dropFirst().joined(separator: "/")
        case .unix(let path): path
        }
    }

    /// Makes a request whose answer is JSON.
    func ask<Answer: Decodable & Sendable>(
        _ step: PushStep,
        _ body: Body,
        as type: Answer.Type
    ) async throws -> Answer {
        let answer = try await send(step, body)
        guard let value = try? FirnJSON.parse(answer.body, as: type) else { throw notFirn }
        return value
    }

    /// Makes a request whose answer says nothing.
    func tell(_ step: PushStep, _ body: Body) async throws { _ = try await send(step, body) }

    /// What was asked gave an answer that makes no sense.
    var notFirn: PushTargetError {
        .rejected(reason: "\(server) sent an answer that is not that of a Firn which takes pushes")
    }

    private func send(_ step: PushStep, _ body: Body) async throws -> WebSession.Answer {
        let route = FirnRoute.push(cache: configuration.cache, step)
        var request = WebSession.Request(
            url: configuration.address.baseURL + route.path,
            limit: Self.bodyLimit
        )
        request.method = .POST
        request.headers = [
            ("Accept", "application/json"), ("User-Agent", configuration.userAgent),
        ]
        if let token = configuration.token {
            request.headers.append(("Authorization", "Bearer \(token)"))
        }
        switch body {
        case .none: request.limit = Self.answerLimit
        case .json(let bytes): request.body = .json(bytes)
        case .narInfos(let bytes):
            request.headers.append(("Content-Type", NARInfoClosure.contentType))
            request.body = .pieces([bytes], onBytes: { _ in })
        case .pieces(let pieces, let onBytes):
            request.headers.append(("Content-Type", "application/octet-stream"))
            request.body = .pieces(pieces, onBytes: onBytes)
        }
        let answer = try await session.send(request)
        guard answer.status == 200 else { throw await error(answer, step) }
        return answer
    }

    private func error(_ answer: WebSession.Answer, _ step: PushStep) async -> PushTargetError {
        let cache = configuration.cache
        switch (answer.status, step.scope) {
        case (401, _):
            return .refused(
                reason: configuration.token == nil
                    ? "\(server) wants a token for \(cache)"
                    : "\(server) does not accept this token for \(cache)"
            )
        case (403, _):
            return .refused(reason: "\(server) does not let this token push to \(cache)")
        case (404, .upload), (410, .upload):
            return .lost(reason: answer.phrase(of: server))
        case (404, _):
            guard await isFirn() else { return notFirn }
            return .refused(reason: "\(server) has no cache \(cache), or not for this token")
        // Nothing else fits either, unless it is smaller than what was too large by itself.
        case (507, .push): return .refused(reason: answer.phrase(of: server))
        case (507, _): return .rejected(reason: answer.phrase(of: server))
        default: return answer.pushError(of: server)
        }
    }

    /// Whether it is a Firn of any version: all of them count the bytes of NARs under this name.
    private func isFirn() async -> Bool {
        var request = WebSession.Request(
            url: configuration.address.baseURL + "/metrics",
            limit: .seconds(5)
        )
        request.headers = [("User-Agent", configuration.userAgent)]
        guard let answer = try? await session.send(request), answer.status == 200 else {
            return false
        }
        return String(decoding: answer.body, as: UTF8.self).contains("firn_store_")
    }
}

extension PushStep {
    /// What a status is about.
    fileprivate enum Scope {
        case push
        case path
        case upload
    }

    fileprivate var scope: Scope {
        switch self {
        case .plan, .bundle, .prove, .commit: .push
        case .begin, .room: .path
        case .part, .finish, .abort: .upload
        }
    }
}
