// SPDX-License-Identifier: Apache-2.0

/// The directory in front of every store path, `/nix/store` nearly everywhere.
///
/// It is part of what is hashed and signed, so a cache serves exactly one.
public struct StoreDirectory: Hashable, Sendable {
    /// Absolute, without a slash at the end.
    public let path: String

    /// The one that public caches use.
    public static let standard = StoreDirectory(unchecked: "/nix/store")

    /// Why text is not a store directory.
    public enum ParseError: Error, Hashable, Sendable {
        /// It does not start with a slash.
        case notAbsolute
        /// It has an empty, `.` or `..` component, or ends with a slash.
        case notCanonical
        /// It has a control character or one of `;`, at this offset in bytes.
        case invalidByte(byte: UInt8, byteOffset: Int)
    }

    /// Why an absolute path is not a path of this store.
    public enum PathError: Error, Hashable, Sendable {
        /// It does not lie directly in the store directory.
        case outsideStore
        /// What follows the store directory is not a base name.
        case invalidBaseName(StorePath.ParseError)
    }

    /// Reads an absolute path.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        let bytes = Array(text.utf8)
        guard bytes.first == 0x2F else { throw .notAbsolute }
        // A semicolon would make two readings of a fingerprint possible.
        for (offset, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x3B || byte == 0x7F {
            throw .invalidByte(byte: byte, byteOffset: offset)
        }
        let components = bytes.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
        for component in components
        where component.isEmpty || component == [0x2E] || component == [0x2E, 0x2E] {
            throw .notCanonical
        }
        self.init(unchecked: String(text))
    }

    /// The absolute path of a store path.
    public func path(of storePath: StorePath) -> String { "\(path)/\(storePath)" }

    /// Reads an absolute path of exactly one store object.
    public func storePath(
        parsing absolute: some StringProtocol
    ) throws(PathError) -> StorePath {
        try storePath(parsing: Array(absolute.utf8)[...])
    }

    func storePath(parsing absolute: ArraySlice<UInt8>) throws(PathError) -> StorePath {
        let prefix = path.utf8
        let rest = absolute.dropFirst(prefix.count)
        guard absolute.starts(with: prefix), rest.first == 0x2F else { throw .outsideStore }
        do throws(StorePath.ParseError) {
            return try StorePath(parsing: rest.dropFirst())
        } catch {
            throw .invalidBaseName(error)
        }
    }

    /// Appends the absolute path of a store path.
    public func write(_ storePath: StorePath, to output: inout [UInt8]) {
        output.append(contentsOf: path.utf8)
        output.append(0x2F)
        storePath.write(to: &output)
    }

    private init(unchecked path: String) { self.path = path }
}

extension StoreDirectory: CustomStringConvertible {
    /// The absolute path.
    public var description: String { path }
}
