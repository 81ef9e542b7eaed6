// SPDX-License-Identifier: Apache-2.0
import Foundation
import JWTKit

/// The keys that an issuer signs with, by name and algorithm.
///
/// Only public halves, and only of kinds that ``SigningAlgorithm`` has; whatever else the document
/// lists is left out. Each key is bound to its algorithm here, before any token is seen: a token
/// chooses among them, and never how a key is used.
///
/// - Source: RFC 7517, section 5; RFC 7518, section 6.
struct KeySet: Sendable {
    static let maximumKeyIDBytes = 512
    private static let maximumKeys = 100
    /// A modulus of 8,192 bits.
    private static let maximumNumberBytes = 1_400

    private let keys: [String: [SigningAlgorithm: any JWTAlgorithm]]

    /// - Throws: ``KeyFailure/malformed(_:)``.
    init(json bytes: [UInt8]) async throws(KeyFailure) {
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)) else {
            throw .malformed("the keys are no JSON Web Key Set")
        }
        var keys: [String: [SigningAlgorithm: any JWTAlgorithm]] = [:]
        for entry in document.keys.prefix(Self.maximumKeys).compactMap(\.key) {
            guard let name = entry.kid, name.utf8.count <= Self.maximumKeyIDBytes,
                entry.use ?? "sig" == "sig"
            else { continue }
            for algorithm in entry.algorithms {
                guard let key = await Self.key(entry, name, algorithm) else { continue }
                keys[name, default: [:]][algorithm] = key
            }
        }
        guard !keys.isEmpty else { throw .malformed("there is no key that can be used among them") }
        self.keys = keys
    }

    func has(_ name: String) -> Bool { keys[name] != nil }

    func key(_ name: String, for algorithm: SigningAlgorithm) -> (any JWTAlgorithm)? {
        keys[name]?[algorithm]
    }

    private static func key(
        _ entry: Entry,
        _ name: String,
        _ algorithm: SigningAlgorithm
    ) async -> (any JWTAlgorithm)? {
        let numbers = [entry.n, entry.e, entry.x, entry.y]
        guard numbers.allSatisfy({ $0?.utf8.count ?? 0 <= maximumNumberBytes }) else { return nil }
        let identifier = JWKIdentifier(string: name)
        let jwk: JWK =
            switch algorithm {
            case .rs256: .rsa(.rs256, identifier: identifier, modulus: entry.n, exponent: entry.e)
            case .ps256: .rsa(.ps256, identifier: identifier, modulus: entry.n, exponent: entry.e)
            case .es256:
                .ecdsa(.es256, identifier: identifier, x: entry.x, y: entry.y, curve: .p256)
            }
        // A collection of its own: one that has many falls back to another key.
        let collection = JWTKeyCollection()
        return try? await collection.add(jwk: jwk).getKey(for: identifier)
    }
}

extension KeySet {
    private struct Document: Decodable {
        let keys: [Item]
    }

    /// An entry of whatever shape: one that is not understood does not spoil the others.
    private struct Item: Decodable {
        let key: Entry?

        init(from decoder: any Decoder) throws { key = try? Entry(from: decoder) }
    }

    private struct Entry: Decodable {
        let kty: String
        let kid: String?
        let use: String?
        let alg: String?
        let crv: String?
        let n: String?
        let e: String?
        let x: String?
        let y: String?

        /// What the key is for: what it says, or all that its kind can do.
        var algorithms: [SigningAlgorithm] {
            let possible: [SigningAlgorithm] =
                switch (kty, crv) {
                case ("RSA", _): [.rs256, .ps256]
                case ("EC", "P-256"): [.es256]
                default: []
                }
            return possible.filter { alg == nil || alg == $0.rawValue }
        }
    }
}
