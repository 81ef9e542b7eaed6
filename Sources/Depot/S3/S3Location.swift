// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

/// Where the objects of a depot lie in a bucket, and how the store of buckets is reached.
///
/// - Shape: `s3://BUCKET/PREFIX?endpoint=…&region=…&addressing-style=…&profile=…`, the parameters
///   that Nix's own `s3://` has, each of them once at most.
package struct S3Location: Hashable, Sendable {
    package let bucket: String
    /// In front of every name: empty, or it ends with a slash.
    package let prefix: String
    package let region: String
    /// Scheme, host and port of the store; without a slash at the end.
    package let endpoint: String
    /// Whether the bucket is the first part of the path instead of the first of the host's name.
    package let isPathStyle: Bool
    /// As it was written.
    package let url: String
    /// The section of the profile file; `nil` for the one that the environment names.
    package let profile: String?

    /// Why text is no location; each continues "the location …".
    package enum ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        case notS3
        case badBucket(String)
        case badPrefix(String)
        case badEndpoint(String)
        case badRegion(String)
        case badStyle(String)
        case badProfile(String)
        case unknownParameter(String)
        case twice(String)
        /// A name and a password do not belong into a URL that is shown.
        case holdsSecret

        package var description: String {
            switch self {
            case .notS3: "has to begin with s3://"
            case .badBucket(let text): "names no bucket: \"\(text)\""
            case .badPrefix(let text):
                "has a prefix that is not parts of letters, digits, - _ . and =: \"\(text)\""
            case .badEndpoint(let text): "has an endpoint that is no http or https URL: \"\(text)\""
            case .badRegion(let text): "has a region that is none: \"\(text)\""
            case .badStyle(let text):
                "has the addressing-style \"\(text)\"; there are auto, path and virtual"
            case .badProfile(let text): "has a profile that is no name: \"\(text)\""
            case .unknownParameter(let name):
                "has the unknown parameter \"\(name)\"; there are endpoint, scheme, region,"
                    + " addressing-style and profile"
            case .twice(let name): "has \(name) twice"
            case .holdsSecret: "must not hold a name or a password"
            }
        }
    }

    package init(parsing text: String) throws(ParseError) {
        guard text.hasPrefix("s3://") else { throw .notS3 }
        let whole = text.dropFirst("s3://".count)
        let halves = whole.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: "/", omittingEmptySubsequences: true).map(
            String.init
        )
        let bucket = parts.first ?? ""
        guard !bucket.contains("@") else { throw .holdsSecret }
        guard Self.isBucket(bucket) else { throw .badBucket(bucket) }
        let folders = parts.dropFirst()
        guard folders.allSatisfy(Self.isFolder) else {
            throw .badPrefix(folders.joined(separator: "/"))
        }
        var parameters = try Self.parameters(halves.count == 2 ? halves[1] : "")
        let region = parameters.removeValue(forKey: "region") ?? "us-east-1"
        guard Self.isWord(region) else { throw .badRegion(region) }
        let named = parameters.removeValue(forKey: "endpoint").flatMap { $0.isEmpty ? nil : $0 }
        let scheme = parameters.removeValue(forKey: "scheme") ?? "https"
        let style = parameters.removeValue(forKey: "addressing-style") ?? "auto"
        guard ["auto", "path", "virtual"].contains(style) else { throw .badStyle(style) }
        let profile = parameters.removeValue(forKey: "profile")
        if let profile, !Self.isWord(profile) { throw .badProfile(profile) }
        if let unknown = parameters.keys.min() { throw .unknownParameter(unknown) }
        self.bucket = bucket
        url = text
        prefix = folders.isEmpty ? "" : folders.joined(separator: "/") + "/"
        self.region = region
        self.profile = profile
        // A dot in a bucket's name is more than the certificate of all buckets is for.
        isPathStyle = style == "path" || style == "auto" && (named != nil || bucket.contains("."))
        endpoint = try Self.endpoint(named ?? "https://s3.\(region).amazonaws.com", scheme)
    }

    /// The URL of a key, or of the bucket for an empty one; the key is encoded already.
    func url(ofEncodedKey key: String) -> String {
        guard !isPathStyle, let (scheme, host) = schemeAndHost else {
            return "\(endpoint)/\(bucket)/\(key)"
        }
        return "\(scheme)://\(bucket).\(host)/\(key)"
    }

    private var schemeAndHost: (String, String)? {
        guard let range = endpoint.range(of: "://") else { return nil }
        return (String(endpoint[..<range.lowerBound]), String(endpoint[range.upperBound...]))
    }

    /// - Source: AWS, "Create a signed request": all but unreserved characters, and slashes.
    static func encode(_ text: String, keepingSlashes: Bool = true) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "/") where keepingSlashes: result += "/"
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}

extension S3Location: CustomStringConvertible {
    /// Without parameters, for messages.
    package var description: String { "s3://\(bucket)/\(prefix)".trimmingSlash }

    /// The name of the folder of what a depot keeps on this machine: one for each place in a bucket.
    package var folderName: String {
        let whole = SHA256Hasher.hash(Array("\(endpoint) \(bucket) \(prefix)".utf8))
        return "\(bucket)-\(whole.digestText(.nix32).prefix(8))"
    }
}

extension S3Location {
    private static func parameters(
        _ text: some StringProtocol
    ) throws(ParseError) -> [String: String] {
        var result: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(halves[0])
            guard result[name] == nil else { throw .twice(name) }
            let value = halves.count == 2 ? String(halves[1]) : ""
            result[name] = value.removingPercentEncoding ?? value
        }
        return result
    }

    private static func endpoint(
        _ text: String,
        _ scheme: String
    ) throws(ParseError) -> String {
        let whole = (text.contains("://") ? text : "\(scheme)://\(text)").trimmingSlash
        guard let url = URL(string: whole), let host = url.host(percentEncoded: true),
            !host.isEmpty, url.scheme == "http" || url.scheme == "https",
            url.path().isEmpty, url.query == nil
        else { throw .badEndpoint(text) }
        guard url.user == nil, url.password == nil else { throw .holdsSecret }
        return whole
    }

    /// - Source: AWS, "Bucket naming rules".
    private static func isBucket(_ text: String) -> Bool {
        (3...63).contains(text.utf8.count)
            && text.utf8.allSatisfy { isLowerOrDigit($0) || $0 == 0x2D || $0 == 0x2E }
            && text.utf8.first.map(isLowerOrDigit) == true
            && text.utf8.last.map(isLowerOrDigit) == true && !text.contains("..")
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }

    private static func isFolder(_ text: String) -> Bool {
        isWord(text.replacing(".", with: "-").replacing("=", with: "-")) && text != "."
            && text != ".." && text.utf8.count <= 200
    }

    private static func isWord(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy {
                isLowerOrDigit($0) || (0x41...0x5A).contains($0) || $0 == 0x2D || $0 == 0x5F
            }
    }
}

extension String {
    fileprivate var trimmingSlash: String {
        var result = self
        while result.hasSuffix("/") { result.removeLast() }
        return result
    }
}
