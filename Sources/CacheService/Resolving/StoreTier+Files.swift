// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore

extension StoreTier {
    /// Bytes that are looked at to tell text from other content.
    private static let sampleBytes = 1024

    /// The file or directory at a place inside the path with this hash.
    ///
    /// Nothing outside of the path is opened. A symlink that leads out is answered only when its
    /// target is an absolute path into another path that is served here, and then by that address;
    /// a relative one that leads out finds nothing.
    ///
    /// - Parameters:
    ///   - hash: Of the path, which has to be valid.
    ///   - components: Names below the path; empty for the path itself.
    /// - Returns: `nil` when there is nothing of that name.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when nobody knows.
    package func resolveFile(
        _ hash: StorePathHash,
        _ components: [[UInt8]]
    ) async throws -> FileAnswer? {
        guard let info = try await resolve(hash)?.info else { return nil }
        let (found, isText) = try await waiting(atMost: Self.fileDeadline) { [store] in
            let found = try store.openFile(in: info.path, at: components)
            return (found, try Self.looksLikeText(found))
        }
        let entityTag = Self.entityTag(info, components)
        switch found {
        case nil:
            return nil
        case .regular(let file, isExecutable: _):
            let content = FileContent(
                descriptor: file.descriptor,
                sizeBytes: file.sizeBytes,
                owner: file
            )
            return .file(content, looksLikeText: isText, entityTag: entityTag)
        case .directory(let entries):
            let named = entries.map { FileAnswer.Entry(name: $0.name, kind: .init($0.kind)) }
            return .directory(in: info.path, entries: named, entityTag: entityTag)
        case .symlinkOutside(let target):
            return try await served(target, from: (hash, components))
        }
    }

    /// Content-addressed by what the path contains and the place in it.
    private static func entityTag(_ info: PathInfo, _ components: [[UInt8]]) -> String {
        var name = Array("\(info.narHash)".utf8)
        for component in components { name += [UInt8(ascii: "/")] + component }
        return name.strongEntityTag
    }

    /// Where a symlink leads, if that is served here.
    private func served(
        _ target: [UInt8],
        from origin: (StorePathHash, [[UInt8]])
    ) async throws -> FileAnswer? {
        let prefix = Array("\(storeDirectory)/".utf8)
        guard target.starts(with: prefix) else { return nil }
        var components = target.dropFirst(prefix.count).split(separator: UInt8(ascii: "/"))
            .map { Array($0) }
        let dots = [Array(".".utf8), Array("..".utf8)]
        guard !components.isEmpty, !components.contains(where: dots.contains),
            let name = String(validating: components.removeFirst(), as: UTF8.self),
            let path = try? StorePath(parsing: name),
            (path.hash, components) != origin,
            try await resolve(path.hash)?.info.path == path
        else { return nil }
        return .elsewhere(path, components: components)
    }

    /// Blocks.
    private static func looksLikeText(_ found: StoreFile?) throws -> Bool {
        guard case .regular(let file, isExecutable: _) = found else { return false }
        var sample = [UInt8](repeating: 0, count: sampleBytes)
        let count = try unsafe sample.withUnsafeMutableBytes { bytes in
            try unsafe file.read(at: 0, into: bytes)
        }
        return isText(sample.prefix(count), isWhole: UInt64(count) == file.sizeBytes)
    }

    /// UTF-8 without NUL; a sample may end inside a character.
    private static func isText(_ sample: ArraySlice<UInt8>, isWhole: Bool) -> Bool {
        guard !sample.contains(0) else { return false }
        let longestTail = isWhole ? 0 : min(3, sample.count)
        return (0...longestTail).contains { tail in
            String(validating: sample.dropLast(tail), as: UTF8.self) != nil
        }
    }
}

extension FileAnswer.Entry.Kind {
    fileprivate init(_ kind: StoreFileEntry.Kind) {
        self =
            switch kind {
            case .regular: .regular
            case .directory: .directory
            case .symlink: .symlink
            }
    }
}
