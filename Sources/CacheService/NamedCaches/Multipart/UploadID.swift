// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

/// The name of a NAR that comes in parts; no secret.
///
/// - Shape: A UUID, in lower case.
package struct UploadID: Hashable, Sendable, CustomStringConvertible {
    private let uuid: UUID

    package static func generate() -> UploadID { UploadID(uuid: UUID()) }

    private init(uuid: UUID) { self.uuid = uuid }

    /// - Returns: `nil` for what is no UUID.
    package init?(parsing text: some StringProtocol) {
        guard text.utf8.count == 36, let uuid = UUID(uuidString: String(text)) else { return nil }
        self.uuid = uuid
    }

    package var description: String { uuid.uuidString.lowercased() }
}

/// What whoever began an upload knows of it and nobody else.
///
/// - Shape: 256 random bits; as text, 52 characters of Nix base-32.
package struct UploadSecret: Hashable, Sendable {
    private static let byteCount = 32

    private let bytes: [UInt8]

    package static func generate() -> UploadSecret {
        var generator = SystemRandomNumberGenerator()
        return UploadSecret(bytes: (0..<byteCount).map { _ in generator.next() })
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Returns: `nil` for text of another shape.
    package init?(parsing text: some StringProtocol) {
        guard let bytes = try? NixBase32.decode(text), bytes.count == Self.byteCount else {
            return nil
        }
        self.bytes = bytes
    }

    /// The text for its user.
    package func secretText() -> String { NixBase32.encode(bytes) }

    /// What allows one part to be sent, as it was announced, and nothing else.
    ///
    /// A hash of values of fixed lengths with the secret in front: who has some keys finds no others.
    package func key(to place: PartPlace) -> UploadSecret {
        let number = UInt64(place.number)
        let numberBytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        return UploadSecret(bytes: SHA256Hasher.hash(bytes + numberBytes + place.md5).digest)
    }

    /// Takes the same time wherever the two differ.
    package static func == (left: UploadSecret, right: UploadSecret) -> Bool {
        var difference: UInt8 = 0
        for (one, other) in zip(left.bytes, right.bytes) { difference |= one ^ other }
        return difference == 0
    }
}

extension UploadSecret: CustomStringConvertible, CustomReflectable {
    /// Nothing of it.
    package var description: String { "UploadSecret" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A part of a NAR, as it is announced.
package struct PartPlace: Hashable, Sendable {
    package static let numbers = 1...10_000

    package let number: Int
    /// - Shape: 16 bytes.
    package let md5: [UInt8]

    /// - Returns: `nil` for a number that no part has, or what is no MD5.
    package init?(number: Int, md5: [UInt8]) {
        guard Self.numbers.contains(number), md5.count == 16 else { return nil }
        self.number = number
        self.md5 = md5
    }

    /// What names the bytes of the part, as object stores do it; without quotes.
    package var entityTag: String { Base16.encode(md5) }
}

/// What shows that somebody began an upload.
package struct UploadTicket: Hashable, Sendable {
    package let id: UploadID
    package let secret: UploadSecret

    package init(id: UploadID, secret: UploadSecret) {
        self.id = id
        self.secret = secret
    }
}
