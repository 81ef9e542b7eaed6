// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore

extension StoreTier {
    /// The log of a derivation's last build, or of what built an output.
    ///
    /// Logs outlive their derivations, so for a derivation the database is not even asked.
    ///
    /// - Returns: `nil` when no log was kept, or nobody knows what built the path.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when the database or the disk does not answer.
    package func resolveLog(_ path: StorePath) async throws -> LogAnswer? {
        guard let derivation = try await derivation(building: path) else { return nil }
        let log = try await waiting(atMost: Self.fileDeadline) { [store] in
            try store.openLog(of: derivation)
        }
        guard let log else { return nil }
        if log.compression == .none {
            let file = FileContent(
                descriptor: log.file.descriptor,
                sizeBytes: log.file.sizeBytes,
                owner: log.file
            )
            return LogAnswer(content: .file(file), allowsRanges: true)
        }
        return LogAnswer(
            content: .source(sizeBytes: nil) { _ in try LogSource(unpacking: log) },
            allowsRanges: false
        )
    }

    private func derivation(building path: StorePath) async throws -> StorePath? {
        if path.isDerivation { return path }
        let info = try await asking { try await store.findPathInfo(path.hash, deadline: $0) }
        guard let info, info.path == path else { return nil }
        return info.deriver
    }
}
