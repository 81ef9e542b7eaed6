// SPDX-License-Identifier: Apache-2.0
import NIOHTTP1

/// A small document of some server that is no cache.
package struct WebDocument: Sendable {
    package let bytes: [UInt8]
    /// For how long its server lets it be kept; `nil` when that is not told.
    package let lifetime: Duration?
}

extension UpstreamClient {
    /// Gets one document, whole, of at most `maximumBytes`; `limit` is for all of it: the name, the
    /// connection, the last byte.
    ///
    /// Any status but 200 is a failure, so that no redirect is followed.
    package func document(
        at url: HTTPURL,
        maximumBytes: Int,
        within limit: Duration
    ) async throws(UpstreamFailure) -> WebDocument {
        var headers = HTTPHeaders()
        headers.add(name: "User-Agent", value: configuration.userAgent)
        headers.add(name: "Accept", value: "application/json")
        let deadline = Instant.now + limit
        let request = Outgoing(url: url, headers: headers, purpose: .question, deadline: deadline)
        do throws(ExchangeFailure) {
            let (head, body) = try await send(request, to: Addressee(url))
            guard head.status == .ok else {
                body.discard()
                throw ExchangeFailure(reason: .status(Int(head.status.code)), blame: .answer)
            }
            let answer = UpstreamAnswer(head: head, body: body)
            let bytes = try await answer.bytes(atMost: maximumBytes, until: deadline)
            return WebDocument(bytes: bytes, lifetime: Self.lifetime(head.headers))
        } catch {
            throw error.reason
        }
    }

    /// - Source: RFC 9111, section 5.2.2.
    private static func lifetime(_ headers: HTTPHeaders) -> Duration? {
        let directives = headers[canonicalForm: "Cache-Control"].map { $0.lowercased() }
        if directives.contains("no-store") || directives.contains("no-cache") { return .zero }
        for directive in directives where directive.hasPrefix("max-age=") {
            let digits = directive.dropFirst("max-age=".count)
            // Larger than any that makes a difference.
            if let seconds = UInt32(digits) { return .seconds(Int64(seconds)) }
        }
        return nil
    }
}
