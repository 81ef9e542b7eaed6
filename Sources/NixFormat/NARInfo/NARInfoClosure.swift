// SPDX-License-Identifier: Apache-2.0

/// The narinfos of a whole closure in one text: one after the other, an empty line between two.
///
/// - Shape: each narinfo ends with its newline; one more newline parts it from the next. Dependencies
///   come first. Nothing but white space stands around them.
public enum NARInfoClosure {
    /// What `GET /HASH.closure` is answered as.
    public static let contentType = "text/x-nix-narinfo-closure"

    /// The texts of the narinfos, each with its last newline; what is in them is not looked at.
    ///
    /// - Returns: `nil` when the last one was cut off, or when there is none.
    public static func texts(in bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
        guard bytes.last == newline else { return nil }
        var texts: [ArraySlice<UInt8>] = []
        var start = bytes.startIndex
        var lineStart = start
        while let end = bytes[lineStart...].firstIndex(of: newline) {
            if end == lineStart {
                if start < lineStart { texts.append(bytes[start..<lineStart]) }
                start = end + 1
            }
            lineStart = end + 1
        }
        if start < bytes.endIndex { texts.append(bytes[start...]) }
        return texts.isEmpty ? nil : texts
    }

    /// Puts a closure together.
    public static func write(_ texts: some Sequence<[UInt8]>) -> [UInt8] {
        Array(texts.joined(separator: [newline]))
    }

    private static let newline: UInt8 = 0x0A
}
