// SPDX-License-Identifier: Apache-2.0
import Caches
import Foundation
import NixFormat

/// A token taken apart: what it says, how it says to be signed, and what the signature is of.
struct SignedToken: Sendable {
    private struct Header: Decodable {
        let alg: String
        let kid: String?
        let crit: [String]?
    }

    let claims: Claims
    let signature: [UInt8]
    let signedBytes: [UInt8]
    let algorithm: SigningAlgorithm
    let keyID: String

    init(_ token: IdentityToken) throws(Refusal) {
        guard let header = Self.bytes(of: token.header),
            let payload = Self.bytes(of: token.payload),
            let signature = Self.bytes(of: token.signature), let claims = Claims(json: payload),
            let fields = try? JSONDecoder().decode(Header.self, from: Data(header))
        else { throw .malformed }
        self.claims = claims
        self.signature = signature
        signedBytes = Array("\(token.header).\(token.payload)".utf8)
        guard let algorithm = SigningAlgorithm(rawValue: fields.alg) else { throw .algorithm }
        // RFC 7515, section 4.1.11: what is not understood and must be, refuses.
        guard fields.crit == nil else { throw .malformed }
        guard let keyID = fields.kid, keyID.utf8.count <= KeySet.maximumKeyIDBytes else {
            throw .noKeyID
        }
        self.algorithm = algorithm
        self.keyID = keyID
    }

    /// Base64url as RFC 7515 has it: no padding, and one spelling of each.
    private static func bytes(of text: String) -> [UInt8]? {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        return try? Base64.decode(plain + padding)
    }
}

/// How an issuer may sign: with a key whose public half is all that we know.
///
/// `none` and the `HS` family are not among them and never get here, whatever key a token names.
enum SigningAlgorithm: String, Hashable, Sendable, CaseIterable {
    case rs256 = "RS256"
    case ps256 = "PS256"
    case es256 = "ES256"
}
