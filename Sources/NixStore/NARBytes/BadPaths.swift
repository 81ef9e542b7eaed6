// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// The paths whose files were found not to be what Nix registered.
///
/// A mark lasts until the path is registered anew or its root is replaced, which is what every way
/// of repairing a path does; or until Firn starts again.
final class BadPaths: Sendable {
    private struct Mark {
        let id: Int64
        let narHash: NixHash
        /// `nil` when the root could not be looked at.
        let root: FileStatus?
    }

    /// A store with more than this many bad paths has other troubles than our memory.
    private static let maximumCount = 10_000

    private let layout: StoreLayout
    private let marks = Mutex<[StorePathHash: Mark]>([:])
    /// Read without the lock by everybody who asks while all is well.
    private let count = Atomic<Int>(0)

    init(layout: StoreLayout) {
        self.layout = layout
    }

    /// - Returns: Whether it was not marked before.
    func mark(_ info: PathInfo) -> Bool {
        let mark = Mark(id: info.id, narHash: info.narHash, root: rootStatus(info))
        return marks.withLock { marks in
            if marks.count >= Self.maximumCount, let oldest = marks.keys.first {
                marks.removeValue(forKey: oldest)
            }
            let isNew = marks.updateValue(mark, forKey: info.path.hash) == nil
            count.store(marks.count, ordering: .releasing)
            return isNew
        }
    }

    func contains(_ info: PathInfo) -> Bool {
        guard count.load(ordering: .acquiring) > 0 else { return false }
        guard let mark = marks.withLock({ $0[info.path.hash] }) else { return false }
        let isSame = mark.id == info.id && mark.narHash == info.narHash
        if isSame, mark.root == rootStatus(info) { return true }
        marks.withLock { marks in
            marks.removeValue(forKey: info.path.hash)
            count.store(marks.count, ordering: .releasing)
        }
        return false
    }

    private func rootStatus(_ info: PathInfo) -> FileStatus? {
        FileStatus(path: layout.realPath(of: info.path), followsSymlink: false)
    }
}
