// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras
import Foundation

/// A key that an issuer of identities signs with.
///
/// Made and used without the library that Firn reads tokens with, so that the two check each other.
package struct TestIdentityKey: Sendable {
    private enum Secret: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case ecdsa(P256.Signing.PrivateKey)
    }

    package struct UnknownAlgorithm: Error {}

    package let id: String
    private let secret: Secret

    package static func rsa(_ id: String) throws -> TestIdentityKey {
        TestIdentityKey(id: id, secret: .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)))
    }

    package static func ecdsa(_ id: String) -> TestIdentityKey {
        TestIdentityKey(id: id, secret: .ecdsa(P256.Signing.PrivateKey()))
    }

    /// Its public half as RFC 7517 has it; `nil` as algorithm leaves that out.
    package func jwk(algorithm: String?) throws -> TestJSON {
        var fields: [String: TestJSON] = ["kid": .text(id), "use": "sig"]
        if let algorithm { fields["alg"] = .text(algorithm) }
        switch secret {
        case .rsa(let key):
            let numbers = try key.publicKey.getKeyPrimitives()
            fields["kty"] = "RSA"
            fields["n"] = .text(Self.base64URL(Array(numbers.modulus)))
            fields["e"] = .text(Self.base64URL(Array(numbers.publicExponent)))
        case .ecdsa(let key):
            let point = Array(key.publicKey.rawRepresentation)
            fields["kty"] = "EC"
            fields["crv"] = "P-256"
            fields["x"] = .text(Self.base64URL(Array(point.prefix(32))))
            fields["y"] = .text(Self.base64URL(Array(point.suffix(32))))
        }
        return .object(fields)
    }

    /// The text of its public half, which everybody can have.
    package var publicPEM: String {
        switch secret {
        case .rsa(let key): key.publicKey.pemRepresentation
        case .ecdsa(let key): key.publicKey.pemRepresentation
        }
    }

    /// `HS256` takes the public half for a shared secret, as an attacker would.
    package func signature(of bytes: [UInt8], by algorithm: String) throws -> [UInt8] {
        switch (algorithm, secret) {
        case ("RS256", .rsa(let key)):
            let digest = SHA256.hash(data: bytes)
            return Array(
                try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation
            )
        case ("PS256", .rsa(let key)):
            let digest = SHA256.hash(data: bytes)
            return Array(try key.signature(for: digest, padding: .PSS).rawRepresentation)
        case ("ES256", .ecdsa(let key)):
            return Array(try key.signature(for: bytes).rawRepresentation)
        case ("HS256", _):
            let shared = SymmetricKey(data: Array(publicPEM.utf8))
            return Array(HMAC<SHA256>.authenticationCode(for: bytes, using: shared))
        case ("none", _):
            return []
        default:
            throw UnknownAlgorithm()
        }
    }

    package static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }
}
