// SPDX-License-Identifier: Apache-2.0
package import CacheService
package import HTTPTypes
package import NIOCore

/// What a request is answered with, before anybody decides how it is written to the wire.
///
/// The framework's writer and the fast lane both write answers, so a route says it once.
package struct Answer: Sendable {
    package var status: HTTPResponse.Status
    package var headers: HTTPFields
    package var body: [BodyPart]

    package init(status: HTTPResponse.Status, headers: HTTPFields = [:], body: [BodyPart] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Bytes of the body, or `nil` when only the reading will tell.
    package var bodySizeBytes: UInt64? {
        var total: UInt64 = 0
        for part in body {
            guard let size = part.sizeBytes else { return nil }
            total += size
        }
        return total
    }
}

/// One stretch of a body.
package enum BodyPart: Sendable {
    case bytes(ByteBuffer)
    /// - Shape: `range` counts bytes from the start of the file.
    case file(FileContent, range: Range<UInt64>)
    /// - Shape: `range` is `nil` for all of it; `sizeBytes` is `nil` when unknown before the end.
    case source(
        open: @Sendable (Range<UInt64>?) throws -> any ByteSource,
        range: Range<UInt64>?,
        sizeBytes: UInt64?
    )

    package var sizeBytes: UInt64? {
        switch self {
        case .bytes(let buffer): UInt64(buffer.readableBytes)
        case .file(_, let range): UInt64(range.count)
        case .source(_, _, let sizeBytes): sizeBytes
        }
    }
}

/// What of a request decides the answer: RFC 9110's method, target and conditional fields.
package struct RequestFacts: Equatable, Sendable {
    package var isHead: Bool
    package var ifNoneMatch: String?
    package var range: String?
    package var ifRange: String?
    /// The `Accept-Encoding` field, for the few routes that may answer compressed.
    package var acceptEncoding: String?
    /// The fields by which a client says what it can make a NAR out of.
    package var availableDictionary: String?
    package var dictionaryID: String?
    package var firnBases: String?
    /// The `X-Firn-Pace` field.
    package var firnPace: String?
    /// The `Host` field and whether the connection was TLS, for the snippets of the landing page.
    package var host: String?
    package var isSecure: Bool
    /// The `X-Firn-Via` field: the nodes that the request has come through.
    package var via: String?
    /// Over loopback or a unix socket.
    package var isFromThisMachine: Bool
    /// The body of a POST to where orders are taken.
    package var order: [UInt8]?
    /// The `Authorization` field.
    package var authorization: String?
    /// On the socket that is this process's user's and root's alone.
    package var isControl: Bool

    package init(
        isHead: Bool = false,
        ifNoneMatch: String? = nil,
        range: String? = nil,
        ifRange: String? = nil,
        acceptEncoding: String? = nil,
        host: String? = nil,
        isSecure: Bool = false,
        via: String? = nil,
        isFromThisMachine: Bool = false,
        order: [UInt8]? = nil,
        authorization: String? = nil,
        isControl: Bool = false
    ) {
        self.isHead = isHead
        self.ifNoneMatch = ifNoneMatch
        self.range = range
        self.ifRange = ifRange
        self.acceptEncoding = acceptEncoding
        self.host = host
        self.isSecure = isSecure
        self.via = via
        self.isFromThisMachine = isFromThisMachine
        self.order = order
        self.authorization = authorization
        self.isControl = isControl
    }
}
