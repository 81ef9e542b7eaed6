// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not the JSON that a format wants; offsets count bytes from the start.
public enum JSONParseError: Error, Hashable, Sendable {
    /// Another byte was expected here.
    case unexpectedByte(UInt8, byteOffset: Int)
    /// The text ends too early.
    case unexpectedEnd(byteOffset: Int)
    /// A backslash is followed by what it may not be, or half of a surrogate pair stands alone.
    case invalidEscape(byteOffset: Int)
    /// A number is not a whole one from 0 to 2^64 - 1.
    case invalidNumber(byteOffset: Int)
    /// A string that has to be text is not UTF-8.
    case invalidUTF8(byteOffset: Int)
    /// Values that nobody asked for are nested too deeply.
    case tooDeep(byteOffset: Int)
    /// A field came twice in one object.
    case duplicateField(name: String, byteOffset: Int)
    /// The object that starts here lacks a field.
    case missingField(name: String, byteOffset: Int)
}
