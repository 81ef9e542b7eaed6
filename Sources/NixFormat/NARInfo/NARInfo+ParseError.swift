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

extension NARInfo.ParseError: CustomStringConvertible {
    /// One line for people, without the nested cause.
    public var description: String {
        switch self {
        case .missingColon(let offset): "a line without a colon at byte \(offset)"
        case .unterminatedLine(let offset): "cut off in the line at byte \(offset)"
        case .invalidUTF8(let offset): "a line that is not UTF-8 at byte \(offset)"
        case .duplicateField(let name, let offset): "\(name) again at byte \(offset)"
        case .missingField(let name): "no \(name)"
        case .invalidStorePath(_, let offset): "not a path of this store at byte \(offset)"
        case .invalidBaseName(_, let offset): "not a name of a store path at byte \(offset)"
        case .invalidHash(_, let offset): "not a hash at byte \(offset)"
        case .invalidNumber(let name, let offset): "\(name) is not a number at byte \(offset)"
        case .zeroNARSize: "a NarSize of 0"
        }
    }
}
