// SPDX-License-Identifier: Apache-2.0

/// A store object's name: its hash and what people call it.
///
/// It carries no store directory, as in Nix itself: ``StoreDirectory`` adds it.
///
/// - Shape: 32 characters of hash, `-`, 1 to 211 characters of `[0-9a-zA-Z+\-._?=]`.
/// - Source: Nix manual, "Store Path".
public struct StorePath: Hashable, Sendable {
    /// The longest name, in bytes.
    public static let maximumNameBytes = 211

    /// The part that tells store objects apart.
    public let hash: StorePathHash
    /// What follows the hash and its dash.
    public let name: String

    /// Why text is not a store path's base name.
    public enum ParseError: Error, Hashable, Sendable {
        /// The first 32 characters are not a hash.
        case invalidHash(StorePathHash.ParseError)
        /// No dash follows the hash.
        case missingDash
        /// Nothing follows the dash.
        case emptyName
        /// The name has this many bytes, more than 211.
        case nameTooLong(actualBytes: Int)
        /// The name has a byte that is not allowed, at this offset from the start of the text.
        case invalidNameByte(byte: UInt8, byteOffset: Int)
        /// The name is `.` or `..`, or starts with one of them and a dash.
        case dotName
    }

    /// Reads a base name such as `6yba…-hello-2.12`.
    public init(parsing baseName: some StringProtocol) throws(ParseError) {
        try self.init(parsing: Array(baseName.utf8)[...])
    }

    /// Joins a hash and a name.
    public init(hash: StorePathHash, name: String) throws(ParseError) {
        try Self.validate(name: Array(name.utf8)[...], textOffset: 0)
        self.hash = hash
        self.name = name
    }

    init(parsing text: ArraySlice<UInt8>) throws(ParseError) {
        let hashText = text.prefix(StorePathHash.characterCount)
        let hash: StorePathHash
        do throws(StorePathHash.ParseError) {
            hash = try StorePathHash(parsing: hashText)
        } catch {
            throw .invalidHash(error)
        }
        let rest = text.dropFirst(StorePathHash.characterCount)
        guard rest.first == 0x2D else { throw .missingDash }
        let name = rest.dropFirst()
        try Self.validate(name: name, textOffset: StorePathHash.characterCount + 1)
        self.hash = hash
        self.name = String(decoding: name, as: UTF8.self)
    }

    /// Whether the path is that of a derivation.
    public var isDerivation: Bool { name.hasSuffix(".drv") }

    /// Appends the base name.
    public func write(to output: inout [UInt8]) {
        hash.write(to: &output)
        output.append(0x2D)
        output.append(contentsOf: name.utf8)
    }

    private static func validate(
        name: ArraySlice<UInt8>,
        textOffset: Int
    ) throws(ParseError) {
        guard !name.isEmpty else { throw .emptyName }
        guard name.count <= maximumNameBytes else { throw .nameTooLong(actualBytes: name.count) }
        for (position, byte) in name.enumerated() where !isAllowed(byte) {
            throw .invalidNameByte(byte: byte, byteOffset: textOffset + position)
        }
        let dots = name.prefix { $0 == 0x2E }.count
        let next = name.dropFirst(dots).first ?? 0x2D
        if (1...2).contains(dots), next == 0x2D { throw .dotName }
    }

    static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x2B, 0x2D, 0x2E, 0x5F, 0x3F, 0x3D: true
        default: false
        }
    }
}

extension StorePath: Comparable {
    /// Whether the left base name sorts before the right one, byte by byte.
    public static func < (left: Self, right: Self) -> Bool {
        left.hash == right.hash ? left.name < right.name : left.hash < right.hash
    }
}

extension StorePath: CustomStringConvertible {
    /// The base name.
    public var description: String { "\(hash)-\(name)" }
}
