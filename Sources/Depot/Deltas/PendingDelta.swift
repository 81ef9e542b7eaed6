// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A delta on its way to the shelf; let go before it is committed, nothing of it stays.
package final class PendingDelta: Sendable {
    private let name: DeltaName
    private let aside: String
    private let folder: Folder
    private let shelf: DeltaShelf
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var file: OwnedDescriptor
        var sizeBytes: UInt64 = 0
        var reservedBytes: UInt64 = 0
        var hasEnded = false
    }

    init(
        name: DeltaName,
        aside: String,
        file: consuming OwnedDescriptor,
        folder: Folder,
        shelf: DeltaShelf
    ) {
        self.name = name
        self.aside = aside
        self.folder = folder
        self.shelf = shelf
        state = Mutex(State(file: file))
    }

    deinit { abandon() }

    /// Adds bytes at the end.
    ///
    /// - Returns: False when there is no room for it: then it has ended, and nothing of it is kept.
    /// - Throws: When the disk fails; it has ended then, too.
    package func append(_ bytes: [UInt8]) throws -> Bool {
        try state.withLock { state in
            guard !state.hasEnded else { return false }
            let needed = DiskBlocks.bytes(state.sizeBytes + UInt64(bytes.count))
            let more = needed - state.reservedBytes
            guard more == 0 || shelf.reserve(more) else {
                end(&state)
                return false
            }
            state.reservedBytes = needed
            do {
                try unsafe bytes.withUnsafeBytes { try unsafe state.file.write($0, name: aside) }
            } catch {
                end(&state)
                throw error
            }
            state.sizeBytes += UInt64(bytes.count)
            return true
        }
    }

    /// Shows it, once it is on the disk.
    ///
    /// - Returns: False when nothing of it is kept: what it makes has gone meanwhile, or it had ended.
    @discardableResult
    package func commit() throws -> Bool {
        try state.withLock { state in
            guard !state.hasEnded else { return false }
            do {
                try state.file.sync(name: aside)
                try folder.move(aside, to: folder, as: "\(name)")
            } catch {
                end(&state)
                throw error
            }
            if shelf.add(name, sizeBytes: state.sizeBytes) {
                state.hasEnded = true
                return true
            }
            // Under its name nobody else writes as long as this one has not ended.
            try? folder.remove("\(name)")
            end(&state)
            return false
        }
    }

    package func abandon() { state.withLock { end(&$0) } }

    private func end(_ state: inout State) {
        guard !state.hasEnded else { return }
        state.hasEnded = true
        try? folder.remove(aside)
        shelf.release(name, state.reservedBytes)
    }
}
