// SPDX-License-Identifier: Apache-2.0
package import CacheService
import FirnAPI
package import HTTPTypes
import Logging

/// The head of a request with a body, as far as it decides whether the body is read.
package struct BodyHead: Sendable {
    package var method: HTTPRequest.Method
    /// As it came, percent-encoded, with its query.
    package var target: String
    /// What the body is said to have; `nil` when that is not said.
    package var lengthBytes: UInt64?
    /// Whether the body is not what it is the name of, but something to be unpacked first.
    package var isEncoded: Bool
    /// The `Content-MD5` field.
    package var contentMD5: String?

    package init(
        method: HTTPRequest.Method = .put,
        target: String,
        lengthBytes: UInt64? = nil,
        isEncoded: Bool = false,
        contentMD5: String? = nil
    ) {
        self.method = method
        self.target = target
        self.lengthBytes = lengthBytes
        self.isEncoded = isEncoded
        self.contentMD5 = contentMD5
    }
}

/// What becomes of a request with a body by its head.
package enum BodyReply: Sendable {
    /// Unread.
    case answered(Answer)
    /// The body goes there; when it is finished, that is the answer.
    case body(any BodySink, answer: @Sendable () async throws -> Answer)
}

extension CacheResponder {
    /// Decides on a request before its body is read.
    package func accept(_ head: BodyHead, _ facts: RequestFacts) async -> BodyReply {
        do {
            let endpoint = try Endpoint(parsing: head.target)
            if case .cachix(let name, let item) = endpoint {
                return try await acceptCachix(item, in: name, head, facts)
            }
            guard !head.isEncoded else {
                throw CacheError.malformed("send it without a Content-Encoding")
            }
            if head.method == .post, case .firn(.push(cache: let cache, let step)) = endpoint {
                return try await push(step, in: cache, head, facts)
            }
            if head.method == .post, case .firn(.deltas) = endpoint { return deltas(facts) }
            if head.method == .post, case .named(let name, .deltas) = endpoint {
                return try await deltas(in: name, facts)
            }
            guard head.method == .put, case .named(let name, let item) = endpoint else {
                return .answered(ErrorResponse.methodNotAllowed())
            }
            let named = try requireNamedCaches()
            let visitor = try await visitor(facts, of: named)
            let sink = try await named.accept(
                item,
                into: name,
                by: visitor,
                lengthBytes: head.lengthBytes
            )
            return .body(sink) { Self.taken }
        } catch {
            return .answered(refusal(error, head.target))
        }
    }

    /// It is there, and on the disk.
    private static var taken: Answer {
        Answer(status: .created, headers: [.contentLength: "0"])
    }

    /// What went wrong with a body.
    package func refusal(_ error: any Error, _ wholeTarget: String) -> Answer {
        // What allows a part of an upload to be sent is in the query.
        let target = String(wholeTarget.prefix { $0 != "?" })
        guard let error = error as? CacheError else {
            logger.info("not taken", metadata: ["target": "\(target)", "cause": "\(error)"])
            return ErrorResponse.internalError(isHead: false)
        }
        report(error, target)
        return ErrorResponse.answer(to: error, isHead: false)
    }
}
