// SPDX-License-Identifier: Apache-2.0
import CacheService
import Synchronization

/// Files that were sent before, by the very text of the target that asked for them.
///
/// A target names a NAR by its hash, so what it meant once it means for good. Nothing is kept open by
/// this table: a file that its owner has let go of is found again by reading the target.
final class LaneFiles: Sendable {
    private struct Known {
        weak var file: FileContent?
    }

    private static let maximumCount = 8192

    private let files = Mutex<[String: Known]>([:])

    func find(_ target: String) -> FileContent? { files.withLock { $0[target]?.file } }

    func note(_ file: FileContent, for target: String) {
        files.withLock { files in
            if files.count >= Self.maximumCount { files = files.filter { $0.value.file != nil } }
            // All of them in use: the ones that come later are read as if there were no table.
            guard files.count < Self.maximumCount else { return }
            files[target] = Known(file: file)
        }
    }
}
