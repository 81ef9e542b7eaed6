// SPDX-License-Identifier: Apache-2.0

/// The framing of a NAR; the caller walks the tree and copies the contents.
///
/// Every function appends to a buffer, so that framing and contents leave in one large write.
/// Order for a file: ``beginRegularFile(isExecutable:contentSizeBytes:into:)``, the contents,
/// ``endRegularFile(contentSizeBytes:into:)``. For a directory: ``beginDirectory(into:)``, then
/// for each entry, sorted by bytes, ``beginEntry(name:into:)-([UInt8],_)``, a node,
/// ``endEntry(into:)``; then ``endDirectory(into:)``. Nothing is checked here.
///
/// - Shape: every string is its length as a little-endian 64-bit number, its bytes, and zeros up
///   to a multiple of 8.
/// - Source: Nix manual, "Nix Archive (NAR) format".
public enum NARWriter {
    /// What every NAR starts with: the string `nix-archive-1`.
    public static func begin(into output: inout [UInt8]) {
        output.append(contentsOf: NARToken.archive)
    }

    /// `(` `type` `regular`, for an executable one `executable` and an empty string, `contents`,
    /// and the length of the contents.
    public static func beginRegularFile(
        isExecutable: Bool,
        contentSizeBytes: UInt64,
        into output: inout [UInt8]
    ) {
        output.append(
            contentsOf: isExecutable ? NARToken.beginExecutable : NARToken.beginRegular
        )
        appendNumber(contentSizeBytes, to: &output)
    }

    /// The zeros after the contents, and `)`.
    public static func endRegularFile(contentSizeBytes: UInt64, into output: inout [UInt8]) {
        appendPadding(after: contentSizeBytes, to: &output)
        output.append(contentsOf: NARToken.close)
    }

    /// A whole symbolic link: `(` `type` `symlink` `target` TARGET `)`.
    public static func symlink(target: [UInt8], into output: inout [UInt8]) {
        output.append(contentsOf: NARToken.beginSymlink)
        appendString(target, to: &output)
        output.append(contentsOf: NARToken.close)
    }

    /// `(` `type` `directory`.
    public static func beginDirectory(into output: inout [UInt8]) {
        output.append(contentsOf: NARToken.beginDirectory)
    }

    /// `entry` `(` `name` NAME `node`.
    public static func beginEntry(name: [UInt8], into output: inout [UInt8]) {
        output.append(contentsOf: NARToken.beginEntry)
        appendString(name, to: &output)
        output.append(contentsOf: NARToken.node)
    }

    /// `entry` `(` `name` NAME `node`, from a name that is somewhere in memory.
    public static func beginEntry(name: UnsafeRawBufferPointer, into output: inout [UInt8]) {
        output.append(contentsOf: NARToken.beginEntry)
        let sizeBytes = UInt64(name.count)
        appendNumber(sizeBytes, to: &output)
        unsafe output.append(contentsOf: name)
        appendPadding(after: sizeBytes, to: &output)
        output.append(contentsOf: NARToken.node)
    }

    /// `)` of an entry.
    public static func endEntry(into output: inout [UInt8]) {
        output.append(contentsOf: NARToken.close)
    }

    /// `)` of a directory.
    public static func endDirectory(into output: inout [UInt8]) {
        output.append(contentsOf: NARToken.close)
    }

    /// How many zeros follow a string of this length: 0 to 7.
    public static func paddingSizeBytes(after sizeBytes: UInt64) -> Int {
        Int(truncatingIfNeeded: (0 &- sizeBytes) & 7)
    }

    private static func appendString(_ bytes: [UInt8], to output: inout [UInt8]) {
        appendNumber(UInt64(bytes.count), to: &output)
        output.append(contentsOf: bytes)
        appendPadding(after: UInt64(bytes.count), to: &output)
    }

    private static func appendNumber(_ number: UInt64, to output: inout [UInt8]) {
        unsafe withUnsafeBytes(of: number.littleEndian) { unsafe output.append(contentsOf: $0) }
    }

    private static func appendPadding(after sizeBytes: UInt64, to output: inout [UInt8]) {
        let count = paddingSizeBytes(after: sizeBytes)
        guard count > 0 else { return }
        output.append(contentsOf: repeatElement(0, count: count))
    }
}

/// The strings of the format, framed once.
enum NARToken {
    static let lengthSizeBytes = 8
    static let archive = framed("nix-archive-1")
    static let close = framed(")")
    static let beginRegular = framed("(", "type", "regular", "contents")
    static let beginExecutable = framed("(", "type", "regular", "executable", "", "contents")
    static let beginSymlink = framed("(", "type", "symlink", "target")
    static let beginDirectory = framed("(", "type", "directory")
    static let beginEntry = framed("entry", "(", "name")
    static let node = framed("node")

    private static func framed(_ words: String...) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in words {
            let text = Array(word.utf8)
            unsafe withUnsafeBytes(of: UInt64(text.count).littleEndian) {
                unsafe bytes.append(contentsOf: $0)
            }
            bytes += text
            let zeros = NARWriter.paddingSizeBytes(after: UInt64(text.count))
            bytes += Array(repeating: 0, count: zeros)
        }
        return bytes
    }
}
