// SPDX-License-Identifier: Apache-2.0

extension NARInfo {
    /// Why text is not a narinfo; offsets count bytes from the start of the text.
    public enum ParseError: Error, Hashable, Sendable {
        /// The line that starts here has no colon.
        case missingColon(byteOffset: Int)
        /// The text does not end with a newline: it was cut off.
        case unterminatedLine(byteOffset: Int)
        /// A line is not UTF-8.
        case invalidUTF8(byteOffset: Int)
        /// A field that may come once came again.
        case duplicateField(name: String, byteOffset: Int)
        /// The text lacks a field that it must have.
        case missingField(name: String)
        /// The path lies in another store, or is not one.
        case invalidStorePath(StoreDirectory.PathError, byteOffset: Int)
        /// A reference or the deriver is not a base name.
        case invalidBaseName(StorePath.ParseError, byteOffset: Int)
        /// A hash is not one.
        case invalidHash(NixHash.ParseError, byteOffset: Int)
        /// A size is not a decimal number below 2^64.
        case invalidNumber(name: String, byteOffset: Int)
        /// `NarSize` is 0, which stands for unknown and is never true.
        case zeroNARSize
    }
}
