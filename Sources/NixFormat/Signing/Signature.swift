// SPDX-License-Identifier: Apache-2.0

/// One key's signature of a store path.
///
/// - Shape: `NAME:BASE64`, 64 bytes of Ed25519.
public struct Signature: Hashable, Sendable {
    /// How many bytes an Ed25519 signature has.
    public static let byteCount = 64

    /// The name of the key that signed.
    public let keyName: String
    /// The 64 bytes.
    public let bytes: [UInt8]

    /// Puts a key's name and 64 bytes together.
    public init(keyName: String, bytes: [UInt8]) throws(KeyTextError) {
        try KeyText.validate(name: Array(keyName.utf8)[...])
        guard bytes.count == Self.byteCount else {
            throw .wrongLength(expectedBytes: Self.byteCount, actualBytes: bytes.count)
        }
        self.keyName = keyName
        self.bytes = bytes
    }

    /// Reads `NAME:BASE64`.
    public init(parsing text: some StringProtocol) throws(KeyTextError) {
        try self.init(parsing: Array(text.utf8)[...])
    }

    init(parsing text: ArraySlice<UInt8>) throws(KeyTextError) {
        let parts = try KeyText.parse(text, byteCount: Self.byteCount)
        keyName = parts.name
        bytes = parts.bytes
    }

    init(keyName: String, sixtyFourBytes bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount, "Ed25519 signatures have 64 bytes")
        self.keyName = keyName
        self.bytes = bytes
    }

    func write(to output: inout [UInt8]) {
        output.append(contentsOf: keyName.utf8)
        output.append(0x3A)
        Base64.append(bytes, to: &output)
    }
}

extension Signature: CustomStringConvertible {
    /// `NAME:BASE64`.
    public var description: String { "\(keyName):\(Base64.encode(bytes))" }
}
