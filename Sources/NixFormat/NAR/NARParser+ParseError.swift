// SPDX-License-Identifier: Apache-2.0

extension NARParser {
    /// Why bytes are not a NAR; offsets count bytes from the start of the NAR.
    ///
    /// An offset is that of the string at fault, its length included, unless said otherwise.
    public enum ParseError: Error, Hashable, Sendable {
        /// The bytes do not start with `nix-archive-1`.
        case notAnArchive
        /// A string is none of those that may come here.
        case unexpectedWord(expected: [String], byteOffset: UInt64)
        /// A string or a file is longer than it may be.
        case tooLong(actualBytes: UInt64, maximumBytes: UInt64, byteOffset: UInt64)
        /// The zeros after a string are not zeros; the offset is that of the first such byte.
        case nonzeroPadding(byteOffset: UInt64)
        /// A name is empty, `.` or `..`, or has a slash or a NUL.
        case invalidName([UInt8], byteOffset: UInt64)
        /// A name does not sort after the one before it.
        case unsortedName([UInt8], byteOffset: UInt64)
        /// A name came twice.
        case duplicateName([UInt8], byteOffset: UInt64)
        /// The target of a symbolic link is empty or has a NUL.
        case invalidTarget([UInt8], byteOffset: UInt64)
        /// Too many directories lie inside each other.
        case tooDeep(maximumDepth: Int, byteOffset: UInt64)
        /// The NAR ended before it was complete; the offset is its length.
        case truncated(byteOffset: UInt64)
        /// Bytes follow the complete NAR.
        case trailingBytes(byteOffset: UInt64)
    }
}
