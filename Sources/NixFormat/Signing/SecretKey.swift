// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A key that signs store paths, interchangeable with Nix's own.
///
/// Its description has its name only, so that no log gets the secret.
///
/// - Shape: `NAME:BASE64`, 64 bytes: the Ed25519 seed, then the public key.
public struct SecretKey: Sendable {
    /// How many bytes the file format has.
    public static let byteCount = 64

    /// The public half.
    public let publicKey: PublicKey
    private let key: Curve25519.Signing.PrivateKey

    /// The name that signatures carry.
    public var name: String { publicKey.name }

    /// Reads the text of a key file, with white space around it or not.
    ///
    /// - Throws: ``KeyTextError/publicHalfDiffers`` when the halves do not belong together: what
    ///   such a key signed would be believed by nobody.
    public init(parsing text: some StringProtocol) throws(KeyTextError) {
        let parts = try KeyText.parse(KeyText.trimmed(text), byteCount: Self.byteCount)
        let seed = Array(parts.bytes.prefix(32))
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            throw .wrongLength(expectedBytes: 32, actualBytes: seed.count)
        }
        self.init(name: parts.name, key: key)
        guard publicKey.bytes.elementsEqual(parts.bytes.dropFirst(32)) else {
            throw .publicHalfDiffers
        }
    }

    /// A new key from the system's random numbers.
    public static func generate(name: String) throws(KeyTextError) -> SecretKey {
        try KeyText.validate(name: Array(name.utf8)[...])
        return SecretKey(name: name, key: Curve25519.Signing.PrivateKey())
    }

    private init(name: String, key: Curve25519.Signing.PrivateKey) {
        self.key = key
        publicKey = PublicKey(name: name, bytes: Array(key.publicKey.rawRepresentation))
    }

    /// Signs what ``PathFingerprint`` or a realisation gives.
    public func sign(_ fingerprint: [UInt8]) -> Signature {
        // Signing fails for no input; a zeroed signature would verify for none either.
        let bytes = (try? key.signature(for: fingerprint)).map { Array($0) }
        return Signature(keyName: name, sixtyFourBytes: bytes ?? Array(repeating: 0, count: 64))
    }

    /// The text of Nix's key file: whoever has it can sign.
    public func secretText() -> String {
        let halves = Array(key.rawRepresentation) + publicKey.bytes
        return "\(name):\(Base64.encode(halves))"
    }
}

extension SecretKey: CustomStringConvertible, CustomReflectable {
    /// The name alone.
    public var description: String { "SecretKey(\(name))" }

    /// The name alone, for dumps too.
    public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}
