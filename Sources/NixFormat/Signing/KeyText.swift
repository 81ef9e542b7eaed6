// SPDX-License-Identifier: Apache-2.0

/// Why text is not a key or a signature.
///
/// It never holds the text itself, which may be secret.
public enum KeyTextError: Error, Hashable, Sendable {
    /// No colon ends the name.
    case missingColon
    /// The name is empty.
    case emptyName
    /// The name has white space, a control character or a colon, at this offset in bytes.
    case invalidNameByte(byteOffset: Int)
    /// What follows the colon is not base-64; offsets count from after the colon.
    case invalidBase64(BinaryTextError)
    /// The bytes are more or fewer than such a key or signature has.
    case wrongLength(expectedBytes: Int, actualBytes: Int)
    /// The public half inside of a secret key does not belong to its secret half.
    case publicHalfDiffers
}

/// `NAME:BASE64`, which keys and signatures share.
enum KeyText {
    static func parse(
        _ text: ArraySlice<UInt8>,
        byteCount: Int
    ) throws(KeyTextError) -> (name: String, bytes: [UInt8]) {
        guard let colon = text.firstIndex(of: 0x3A) else { throw .missingColon }
        try validate(name: text[..<colon])
        let bytes: [UInt8]
        do throws(BinaryTextError) {
            bytes = try Base64.decode(ascii: text[(colon + 1)...])
        } catch {
            throw .invalidBase64(error)
        }
        guard bytes.count == byteCount else {
            throw .wrongLength(expectedBytes: byteCount, actualBytes: bytes.count)
        }
        return (String(decoding: text[..<colon], as: UTF8.self), bytes)
    }

    static func validate(name: ArraySlice<UInt8>) throws(KeyTextError) {
        guard !name.isEmpty else { throw .emptyName }
        for (offset, byte) in name.enumerated() where byte <= 0x20 || byte == 0x3A || byte == 0x7F {
            throw .invalidNameByte(byteOffset: offset)
        }
        guard String(validating: name, as: UTF8.self) != nil else {
            throw .invalidNameByte(byteOffset: 0)
        }
    }

    /// The text of a key file without the white space around it, which Nix ignores too.
    static func trimmed(_ text: some StringProtocol) -> ArraySlice<UInt8> {
        Array(text.utf8)[...].trimmingSpace()
    }
}
