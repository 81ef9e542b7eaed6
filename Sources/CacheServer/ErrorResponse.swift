// SPDX-License-Identifier: Apache-2.0
package import CacheService
import HTTPTypes
import NIOCore

/// The one map from what went wrong to what a client is told.
///
/// Exhaustive without `default`, so that a new error does not compile until somebody decides. The
/// client gets the phrase; the cause, which may name paths of this machine, goes to the log.
package enum ErrorResponse {
    package static func answer(to error: CacheError, isHead: Bool) -> Answer {
        switch error {
        case .notFound:
            plain(.notFound, "not found", isHead: isHead)
        case .malformed(let reason):
            plain(.badRequest, reason, isHead: isHead)
        case .notAllowed(let reason, hasCredentials: true):
            plain(.forbidden, reason, isHead: isHead)
        case .notAllowed(let reason, hasCredentials: false):
            plain(.unauthorized, reason, isHead: isHead, [.wwwAuthenticate: "Basic realm=\"firn\""])
        case .conflict(let reason):
            plain(.conflict, reason, isHead: isHead)
        case .refused(let reason):
            plain(.unprocessableContent, reason, isHead: isHead)
        case .tooLarge(let reason):
            plain(.contentTooLarge, reason, isHead: isHead)
        case .tooMany(let reason):
            plain(.tooManyRequests, reason, isHead: isHead, [.retryAfter: "5"])
        case .noRoom(let reason):
            plain(
                HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"),
                reason,
                isHead: isHead
            )
        case .storageUnavailable:
            plain(
                .serviceUnavailable,
                "the store does not answer at the moment",
                isHead: isHead,
                [.retryAfter: "5"]
            )
        }
    }

    package static func methodNotAllowed(_ allowed: String = "GET, HEAD") -> Answer {
        let phrase = "only " + allowed.replacing(", ", with: " and ")
        return plain(.methodNotAllowed, phrase, isHead: false, [.allow: allowed])
    }

    /// `node` is the one that the request has come back to: this one.
    package static func loop(at node: String, isHead: Bool) -> Answer {
        var answer = plain(
            HTTPResponse.Status(code: 508, reasonPhrase: "Loop Detected"),
            "this cache is asking itself",
            isHead: isHead
        )
        answer.headers[.firnLoop] = node
        return answer
    }

    package static func internalError(isHead: Bool) -> Answer {
        plain(.internalServerError, "internal error", isHead: isHead)
    }

    private static func plain(
        _ status: HTTPResponse.Status,
        _ phrase: String,
        isHead: Bool,
        _ extra: HTTPFields = [:]
    ) -> Answer {
        var headers = extra
        headers[.contentType] = "text/plain; charset=utf-8"
        headers[.contentLength] = "\(phrase.utf8.count + 1)"
        headers[.cacheControl] = Representation.Lifetime.none.rawValue
        let body = isHead ? [] : [BodyPart.bytes(ByteBuffer(string: phrase + "\n"))]
        return Answer(status: status, headers: headers, body: body)
    }
}
