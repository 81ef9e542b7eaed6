// SPDX-License-Identifier: Apache-2.0

/// Why a store of buckets did not do what it was asked.
package enum S3Problem: Error, Hashable, Sendable {
    case noBucket
    /// Nobody is known by this access key, or its secret is another one.
    case wrongKey(String)
    /// Lent credentials are over.
    case expired
    /// The user may not do this.
    case forbidden(operation: String)
    /// The bucket lies in another region, which may be known.
    case wrongRegion(String?)
    case wrongClock
    case noCredentials(String)
    case unreachable(String)
    /// Its certificate is not to be trusted.
    case untrusted(String)
    /// It asked for patience again and again.
    case busy(String)
    /// An object is not what it was when it was opened.
    case changed(String)
    /// Bytes that came are not those that were stored.
    case damaged(String)
    /// The answer makes no sense.
    case unreadable(String)
    case failed(status: Int, code: String)
    /// Another depot writes to this place; by the name that it left.
    case owned(by: String)
}

extension S3Problem: CustomStringConvertible {
    /// One line for an operator: what is wrong and what to do.
    package var description: String {
        switch self {
        case .noBucket: "there is no such bucket; make it, or correct its name"
        case .wrongKey(let code): "the access key or its secret is wrong (\(code))"
        case .expired: "the credentials have expired; get new ones"
        case .forbidden(let operation):
            "the credentials give no right to \(operation); extend the bucket's policy"
        case .wrongRegion(let region?):
            "the bucket is in the region \(region); add region=\(region) to the location"
        case .wrongRegion(nil): "the region is wrong; correct region= in the location"
        case .wrongClock: "this machine's clock is too far off; set it right"
        case .noCredentials(let reason): "there are no credentials: \(reason)"
        case .unreachable(let reason): "not reachable: \(reason)"
        case .untrusted(let reason):
            "its certificate is not to be trusted: \(reason); SSL_CERT_FILE names an authority"
        case .busy(let code): "it is too busy (\(code))"
        case .changed(let name): "\(name) was changed by somebody else"
        case .damaged(let name): "\(name) has come with other bytes than were stored"
        case .unreadable(let reason): "its answer cannot be used: \(reason)"
        case .failed(let status, let code):
            code.isEmpty ? "it answers \(status)" : "it answers \(status) (\(code))"
        case .owned(let owner):
            "another Firn (\(owner)) keeps its depot there; choose another prefix, or remove"
                + " \(S3Ownership.name) there if that one is gone for good"
        }
    }
}

extension S3Problem {
    /// What an answer that is not the one hoped for says.
    ///
    /// - Source: Amazon S3 API Reference, "Error responses".
    static func read(
        status: Int,
        body: [UInt8],
        region: String?,
        operation: String
    ) -> S3Problem {
        let text = String(decoding: body.prefix(16 << 10), as: UTF8.self)
        let code = S3Text.first("Code", in: text).map { String($0.prefix(80)) } ?? ""
        switch code {
        case "NoSuchBucket": return .noBucket
        case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity":
            return .wrongKey(code)
        case "ExpiredToken", "TokenRefreshRequired", "ExpiredTokenException", "InvalidToken":
            return .expired
        case "RequestTimeTooSkewed", "RequestExpired": return .wrongClock
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
            "IllegalLocationConstraintException", "AuthorizationQueryParametersError":
            return .wrongRegion(region ?? S3Text.first("Region", in: text))
        case "AccessDenied", "AllAccessDisabled", "AccountProblem":
            return .forbidden(operation: operation)
        case "SlowDown", "ServiceUnavailable", "Throttling", "TooManyRequests": return .busy(code)
        default: break
        }
        switch status {
        case 301, 307: return .wrongRegion(region)
        case 401, 403: return .forbidden(operation: operation)
        case 429, 503: return .busy(code.isEmpty ? "\(status)" : code)
        default: return .failed(status: status, code: code)
        }
    }

    /// Whether the same request may well be answered in a moment.
    var isPassing: Bool {
        switch self {
        case .unreachable, .busy: true
        case .failed(let status, let code):
            [500, 502, 504].contains(status) || code == "RequestTimeout" || code == "InternalError"
        default: false
        }
    }
}

/// The little of XML that a store of buckets writes: elements with text, none of them with attributes
/// that count.
enum S3Text {
    /// The text of the first element of a name.
    static func first(_ name: String, in text: some StringProtocol) -> String? {
        elements(name, in: text, limit: 1).first.map(decode)
    }

    /// What is inside of the elements of a name, as it is written.
    static func elements(
        _ name: String,
        in text: some StringProtocol,
        limit: Int = .max
    ) -> [String] {
        var result: [String] = []
        var rest = Substring(text)
        while result.count < limit, let start = rest.firstRange(of: "<\(name)>") {
            rest = rest[start.upperBound...]
            guard let end = rest.firstRange(of: "</\(name)>") else { break }
            result.append(String(rest[..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return result
    }

    static func decode(_ text: String) -> String {
        guard text.contains("&") else { return text }
        let named = [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"),
            ("&#39;", "'"), ("&amp;", "&"),
        ]
        return named.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }

    static func encode(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
