// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// What a derivation makes, from its file.
///
/// - Shape: `Derive([("NAME","PATH","METHOD","HASH"),…],…`; the path is empty where it is known only
///   after the build.
/// - Source: Nix manual, "Derivation file format (ATerm)".
enum DerivationOutputs {
    /// More than any derivation has; theirs are at the file's start.
    private static let largestBytes = 1 << 20

    /// Blocks.
    ///
    /// - Returns: Empty when the file is gone, or tells no paths.
    static func read(_ derivation: StorePath, in store: any LocalStore) throws -> [StorePath] {
        guard case .regular(let file, _) = try store.openFile(in: derivation, at: []) else {
            return []
        }
        let limit = Int(min(file.sizeBytes, UInt64(largestBytes)))
        var bytes = [UInt8](repeating: 0, count: max(limit, 1))
        let count = try unsafe bytes.withUnsafeMutableBytes {
            try unsafe file.read(at: 0, into: $0)
        }
        return parse(bytes.prefix(count), in: store.directory)
    }

    static func parse(_ bytes: some Collection<UInt8>, in directory: StoreDirectory) -> [StorePath]
    {
        var text = Substring(decoding: Array(bytes), as: UTF8.self)
        guard text.hasPrefix("Derive([") else { return [] }
        text = text.dropFirst(8)
        var outputs: [StorePath] = []
        // Names and paths of outputs need no escapes.
        while let tuple = text.prefixMatch(of: /,?\("([^"\\]*)","([^"\\]*)","[^"]*","[^"]*"\)/) {
            if let path = try? directory.storePath(parsing: tuple.2) { outputs.append(path) }
            text = text[tuple.range.upperBound...]
        }
        return outputs
    }
}
