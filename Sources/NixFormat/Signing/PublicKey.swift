// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The half of a signing key that clients list in `trusted-public-keys`.
///
/// - Shape: `NAME:BASE64`, 32 bytes of Ed25519.
public struct PublicKey: Hashable, Sendable {
    /// How many bytes an Ed25519 public key has.
    public static let byteCount = 32

    /// The name that its signatures carry.
    public let name: String
    /// The 32 bytes.
    public let bytes: [UInt8]

    /// Reads `NAME:BASE64`, with white space around it or not.
    public init(parsing text: some StringProtocol) throws(KeyTextError) {
        let parts = try KeyText.parse(KeyText.trimmed(text), byteCount: Self.byteCount)
        self.init(name: parts.name, bytes: parts.bytes)
    }

    init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    /// Whether this key made the signature of exactly this fingerprint.
    ///
    /// A signature that carries another key's name is never this key's, as in Nix.
    public func verifies(_ signature: Signature, of fingerprint: [UInt8]) -> Bool {
        guard signature.keyName == name,
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        else { return false }
        return key.isValidSignature(signature.bytes, for: fingerprint)
    }
}

extension PublicKey: CustomStringConvertible {
    /// `NAME:BASE64`.
    public var description: String { "\(name):\(Base64.encode(bytes))" }
}
