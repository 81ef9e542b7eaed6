// SPDX-License-Identifier: Apache-2.0

/// The hash part of a store path, by which a binary cache names everything.
///
/// The order is that of the text, which is also that of the bytes read as a little-endian number.
///
/// - Shape: 20 bytes, written as 32 characters of Nix base-32.
/// - Source: Nix manual, "Complete Store Path Calculation".
public struct StorePathHash: Hashable, Sendable {
    /// How many bytes the hash has.
    public static let byteCount = 20
    /// How many characters its text has.
    public static let characterCount = 32

    // The 160 bits as one number: kept in three integers, so that a key in a dictionary needs no
    // allocation.
    private var high: UInt64
    private var middle: UInt64
    private var low: UInt32

    /// Why text or bytes are not a store path hash.
    public enum ParseError: Error, Hashable, Sendable {
        /// The text has this many bytes in place of 32.
        case wrongLength(actualBytes: Int)
        /// A character outside of Nix's base-32 alphabet, at this offset in bytes.
        case invalidCharacter(byte: UInt8, byteOffset: Int)
    }

    /// Reads the 32 characters.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        try self.init(parsing: Array(text.utf8)[...])
    }

    init(parsing text: ArraySlice<UInt8>) throws(ParseError) {
        guard let hash = unsafe text.withUnsafeBytes({ unsafe Self(ascii: $0) }) else {
            throw Self.defect(in: text)
        }
        self = hash
    }

    /// Takes 20 bytes as they are.
    public init(bytes: [UInt8]) throws(ParseError) {
        guard bytes.count == Self.byteCount else { throw .wrongLength(actualBytes: bytes.count) }
        high = Self.number(bytes[12..<20])
        middle = Self.number(bytes[4..<12])
        low = UInt32(truncatingIfNeeded: Self.number(bytes[0..<4]))
    }

    /// Reads the 32 characters from a buffer without allocating; `nil` when they are not a hash.
    ///
    /// This is the path of every request of a Nix client.
    public init?(ascii: UnsafeRawBufferPointer) {
        guard ascii.count == Self.characterCount,
            let first = unsafe Self.fortyBits(ascii, at: 0),
            let second = unsafe Self.fortyBits(ascii, at: 8),
            let third = unsafe Self.fortyBits(ascii, at: 16),
            let fourth = unsafe Self.fortyBits(ascii, at: 24)
        else { return nil }
        high = first << 24 | second >> 16
        middle = second << 48 | third << 8 | fourth >> 32
        low = UInt32(truncatingIfNeeded: fourth)
    }

    /// The 20 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for shift in stride(from: 0, to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: low >> UInt32(shift)))
        }
        for word in [middle, high] {
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return bytes
    }

    /// Appends the 32 characters.
    public func write(to output: inout [UInt8]) {
        output.reserveCapacity(output.count + Self.characterCount)
        forEachCharacter { output.append($0) }
    }

    @inline(__always)
    private func forEachCharacter(_ body: (UInt8) -> Void) {
        let groups = (
            high >> 24, high << 16 & 0xFF_FFFF_0000 | middle >> 48,
            middle >> 8 & 0xFF_FFFF_FFFF, middle << 32 & 0xFF_0000_0000 | UInt64(low)
        )
        Self.forEachCharacter(of: groups.0, body)
        Self.forEachCharacter(of: groups.1, body)
        Self.forEachCharacter(of: groups.2, body)
        Self.forEachCharacter(of: groups.3, body)
    }

    @inline(__always)
    private static func forEachCharacter(of fortyBits: UInt64, _ body: (UInt8) -> Void) {
        for shift in stride(from: UInt64(35), through: 0, by: -5) {
            body(NixBase32.character(UInt8(truncatingIfNeeded: fortyBits >> shift & 31)))
        }
    }

    @inline(__always)
    private static func fortyBits(_ text: UnsafeRawBufferPointer, at offset: Int) -> UInt64? {
        var value: UInt64 = 0
        var worst: UInt8 = 0
        for position in offset..<offset + 8 {
            let digit = unsafe NixBase32.digit(text[position])
            worst |= digit
            value = value << 5 | UInt64(digit & 31)
        }
        return worst < 32 ? value : nil
    }

    private static func defect(in text: ArraySlice<UInt8>) -> ParseError {
        for (offset, byte) in text.enumerated() where NixBase32.digit(byte) > 31 {
            return .invalidCharacter(byte: byte, byteOffset: offset)
        }
        return .wrongLength(actualBytes: text.count)
    }

    private static func number(_ littleEndian: ArraySlice<UInt8>) -> UInt64 {
        littleEndian.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension StorePathHash: Comparable {
    /// Whether the left text sorts before the right one.
    public static func < (left: Self, right: Self) -> Bool {
        (left.high, left.middle, left.low) < (right.high, right.middle, right.low)
    }
}

extension StorePathHash: CustomStringConvertible {
    /// The 32 characters.
    public var description: String {
        unsafe String(unsafeUninitializedCapacity: Self.characterCount) { buffer in
            var position = 0
            forEachCharacter { character in
                unsafe buffer[position] = character
                position += 1
            }
            return position
        }
    }
}
