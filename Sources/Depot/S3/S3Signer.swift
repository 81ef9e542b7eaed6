// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import NixFormat

/// What a store of buckets knows a user by.
struct S3Credentials: Hashable, Sendable {
    var accessKeyID: String
    var secretKey: String
    /// Of those that were lent for a while.
    var sessionToken: String?
    var expiresAt: Date?
}

/// Signs requests by AWS Signature Version 4, in their headers.
///
/// - Source: AWS, "Create a signed AWS API request".
struct S3Signer: Sendable {
    let region: String
    let service: String

    init(region: String, service: String = "s3") {
        self.region = region
        self.service = service
    }

    /// Adds date, hash and authorization to a request.
    ///
    /// All headers that are there are signed.
    /// `request`: Its path and query are encoded already, the query in the order of its names.
    /// `payloadHash`: SHA-256 of the body, in base 16.
    func sign(
        _ request: inout S3Message,
        payloadHash: String,
        with credentials: S3Credentials,
        at date: Date
    ) {
        let time = Self.time(date)
        request.headers["host"] = request.host
        request.headers["x-amz-content-sha256"] = payloadHash
        request.headers["x-amz-date"] = time
        request.headers["x-amz-security-token"] = credentials.sessionToken
        let names = request.headers.keys.sorted()
        let signed = names.joined(separator: ";")
        let headers = names.map { name in
            "\(name):\(request.headers[name]?.trimmingCharacters(in: .whitespaces) ?? "")\n"
        }
        let canonical = [
            request.method, request.path, request.query, headers.joined(), signed, payloadHash,
        ].joined(separator: "\n")
        let scope = "\(time.prefix(8))/\(region)/\(service)/aws4_request"
        let hash = SHA256Hasher.hash(Array(canonical.utf8)).digestText(.base16)
        let text = ["AWS4-HMAC-SHA256", time, scope, hash].joined(separator: "\n")
        let signature = Self.hex(Self.code(text, key(String(time.prefix(8)), credentials)))
        request.headers["authorization"] =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), "
            + "SignedHeaders=\(signed), Signature=\(signature)"
    }

    private func key(_ day: String, _ credentials: S3Credentials) -> [UInt8] {
        let secret = Array("AWS4\(credentials.secretKey)".utf8)
        return [day, region, service, "aws4_request"].reduce(secret) { Self.code($1, $0) }
    }

    private static func code(_ text: String, _ key: [UInt8]) -> [UInt8] {
        let code = HMAC<SHA256>.authenticationCode(
            for: Data(text.utf8),
            using: SymmetricKey(data: Data(key))
        )
        return Array(code)
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// - Shape: `20260131T120000Z`
    static func time(_ date: Date) -> String {
        date.formatted(
            Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
                .dateSeparator(.omitted).time(includingFractionalSeconds: false)
                .timeSeparator(.omitted)
        ) + "Z"
    }
}
