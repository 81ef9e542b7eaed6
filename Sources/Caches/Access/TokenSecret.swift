// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// A token itself: whoever has it may do what its ``AccessToken`` says.
///
/// - Shape: `firn_` and 52 characters of Nix base-32, which are 256 random bits.
package struct TokenSecret: Sendable {
    private static let prefix = "firn_"
    private static let byteCount = 32

    private let bytes: [UInt8]

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// - Returns: `nil` for what no token looks like.
    package init?(parsing text: some StringProtocol) {
        guard text.hasPrefix(Self.prefix),
            let bytes = try? NixBase32.decode(text.dropFirst(Self.prefix.count)),
            bytes.count == Self.byteCount
        else { return nil }
        self.bytes = bytes
    }

    /// A new one from the system's random numbers.
    package static func generate() -> TokenSecret {
        TokenSecret(TokenID.randomBytes(byteCount))
    }

    /// What is kept of it.
    ///
    /// It is as random as a key, so that one round of SHA-256 is all that its guessing needs.
    package var digest: TokenDigest { TokenDigest(SHA256Hasher.hash(bytes).digest) }

    /// The text to give to its user, once.
    package func secretText() -> String { Self.prefix + NixBase32.encode(bytes) }
}

extension TokenSecret: CustomStringConvertible, CustomReflectable {
    /// Nothing of it.
    package var description: String { "TokenSecret" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The SHA-256 of a token.
///
/// - Shape: 32 bytes.
package struct TokenDigest: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        precondition(bytes.count == 32, "SHA-256 has 32 bytes")
        self.bytes = bytes
    }

    /// Enough to find it by, too little to make one like it.
    package var prefix: [UInt8] { Array(bytes.prefix(8)) }

    /// Takes the same time wherever the two differ.
    package static func == (left: TokenDigest, right: TokenDigest) -> Bool {
        var difference: UInt8 = 0
        for (one, other) in zip(left.bytes, right.bytes) { difference |= one ^ other }
        return difference == 0
    }
}

extension TokenID {
    package static func generate() -> TokenID {
        guard let id = TokenID(parsing: NixBase32.encode(randomBytes(7)).prefix(10)) else {
            preconditionFailure("base-32 has the characters of a number")
        }
        return id
    }

    /// From the kernel, which is what Swift's own generator asks.
    static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }
}
