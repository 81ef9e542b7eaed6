// SPDX-License-Identifier: Apache-2.0

extension NARListing {
    /// Why bytes are not a listing; offsets count bytes from the start.
    public enum ParseError: Error, Hashable, Sendable {
        /// The bytes are not such JSON.
        case invalidJSON(JSONParseError)
        /// The document's version is not 1.
        case unsupportedVersion(UInt64, byteOffset: Int)
        /// A `type` that is none of those of a NAR.
        case unknownType([UInt8], byteOffset: Int)
        /// A name is empty, `.` or `..`, or has a slash or a NUL; the offset is after it.
        case invalidName([UInt8], byteOffset: Int)
        /// A name does not sort after the one before it; the offset is after it.
        case unsortedName([UInt8], byteOffset: Int)
        /// Too many directories lie inside each other.
        case tooDeep(maximumDepth: Int, byteOffset: Int)
    }
}
