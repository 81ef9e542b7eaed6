// SPDX-License-Identifier: Apache-2.0
package import CacheService
package import HTTPTypes
import NIOCore

/// One thing that can be asked for, with its validator and lifetime; a request selects from it.
///
/// - Source: RFC 9110, sections 8.8 (validators), 13 (conditions) and 14 (ranges).
package struct Representation: Sendable {
    package var contentType: String
    /// A validator, without its quotes; `nil` where the content has no identity.
    package var entityTag: String?
    /// False where the same tag may stand for other bytes of the same meaning.
    package var hasStrongTag = true
    package var lifetime: Lifetime
    package var content: Content
    /// Whether parts may be asked for.
    package var allowsRanges: Bool
    package var extraHeaders: HTTPFields

    package init(
        contentType: String,
        entityTag: String?,
        lifetime: Lifetime,
        content: Content,
        allowsRanges: Bool = true,
        extraHeaders: HTTPFields = [:]
    ) {
        self.contentType = contentType
        self.entityTag = entityTag
        self.lifetime = lifetime
        self.content = content
        self.allowsRanges = allowsRanges
        self.extraHeaders = extraHeaders
    }

    /// How long a copy stays true.
    package enum Lifetime: String, Sendable {
        /// The URL names the content by its hash.
        case immutable = "public, max-age=31536000, immutable"
        /// The URL names a store path, whose content can change after a collection and a rebuild.
        case short = "public, max-age=60"
        case none = "no-store"
        /// As ``immutable`` and ``short``, for what was answered to a token.
        case privateImmutable = "private, max-age=31536000, immutable"
        case privateShort = "private, max-age=60"
    }

    /// The answer to one request for this representation.
    package func answer(to request: RequestFacts) -> Answer {
        var headers = commonHeaders
        if let entityTag, matches(entityTag, anyOf: request.ifNoneMatch) {
            return Answer(status: .notModified, headers: headers)
        }
        headers[.contentType] = contentType
        guard allowsRanges, let sizeBytes else { return whole(headers, isHead: request.isHead) }
        headers[.acceptRanges] = "bytes"
        switch selectedRanges(by: request, sizeBytes: sizeBytes) {
        case .whole:
            return whole(headers, isHead: request.isHead)
        case .unsatisfiable:
            headers[.contentType] = nil
            headers[.contentRange] = "bytes */\(sizeBytes)"
            headers[.contentLength] = "0"
            return Answer(status: .rangeNotSatisfiable, headers: headers)
        case .parts(let parts) where parts.count == 1:
            headers[.contentRange] = Self.contentRange(parts[0], of: sizeBytes)
            headers[.contentLength] = "\(parts[0].count)"
            return Answer(status: .partialContent, headers: headers, body: [bodyPart(parts[0])])
        case .parts(let parts):
            return multipart(parts, of: sizeBytes, headers)
        }
    }

    private var commonHeaders: HTTPFields {
        var headers = extraHeaders
        headers[.cacheControl] = lifetime.rawValue
        if let entityTag { headers[.eTag] = "\(hasStrongTag ? "" : "W/")\"\(entityTag)\"" }
        return headers
    }

    private var sizeBytes: UInt64? {
        switch content {
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(let file): file.sizeBytes
        case .source(let sizeBytes, _): sizeBytes
        }
    }

    private func whole(_ headers: HTTPFields, isHead: Bool) -> Answer {
        var headers = headers
        if let sizeBytes { headers[.contentLength] = "\(sizeBytes)" }
        return Answer(status: .ok, headers: headers, body: isHead ? [] : [bodyPart(nil)])
    }

    private func bodyPart(_ range: Range<UInt64>?) -> BodyPart {
        switch content {
        case .bytes(let bytes):
            let all = 0..<UInt64(bytes.count)
            let wanted = range ?? all
            return .bytes(ByteBuffer(bytes: bytes[Int(wanted.lowerBound)..<Int(wanted.upperBound)]))
        case .file(let file):
            return .file(file, range: range ?? 0..<file.sizeBytes)
        case .source(let sizeBytes, let open):
            return .source(
                open: open,
                range: range,
                sizeBytes: range.map { UInt64($0.count) } ?? sizeBytes
            )
        }
    }

    private func selectedRanges(by request: RequestFacts, sizeBytes: UInt64) -> ByteRanges {
        // RFC 9110, 14.2: a Range is only defined for GET; HEAD is answered as if it were absent.
        guard !request.isHead, let range = request.range else { return .whole }
        // RFC 9110, 13.1.5: a validator that does not match strongly means the whole body.
        if let ifRange = request.ifRange {
            guard hasStrongTag, let entityTag, ifRange == "\"\(entityTag)\"" else { return .whole }
        }
        return ByteRanges(field: range, sizeBytes: sizeBytes)
    }

    private func matches(_ entityTag: String, anyOf field: String?) -> Bool {
        guard let field else { return false }
        if field == "*" { return true }
        return field.split(separator: ",").contains { candidate in
            var tag = candidate.drop { $0 == " " || $0 == "\t" }
            while tag.last == " " || tag.last == "\t" { tag = tag.dropLast() }
            // If-None-Match compares weakly: RFC 9110, 13.1.2.
            if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
            return tag == "\"\(entityTag)\""
        }
    }

    private func multipart(
        _ parts: [Range<UInt64>],
        of sizeBytes: UInt64,
        _ headers: HTTPFields
    ) -> Answer {
        let boundary = "firn-\(entityTag ?? "part")"
        var body: [BodyPart] = []
        for part in parts {
            let head =
                "\r\n--\(boundary)\r\nContent-Type: \(contentType)\r\n"
                + "Content-Range: \(Self.contentRange(part, of: sizeBytes))\r\n\r\n"
            body.append(.bytes(ByteBuffer(string: head)))
            body.append(bodyPart(part))
        }
        body.append(.bytes(ByteBuffer(string: "\r\n--\(boundary)--\r\n")))
        var answer = Answer(status: .partialContent, headers: headers, body: body)
        answer.headers[.contentType] = "multipart/byteranges; boundary=\(boundary)"
        if let total = answer.bodySizeBytes { answer.headers[.contentLength] = "\(total)" }
        return answer
    }

    private static func contentRange(_ part: Range<UInt64>, of sizeBytes: UInt64) -> String {
        "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(sizeBytes)"
    }
}
