// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixFormat
import Synchronization

/// Deltas that were made once, kept for whoever asks for the same: files in the depot's folder
/// `deltas`, within the depot's bound.
///
/// Everything here can be made again, so that it goes before any object does, and takes room only
/// where there is some. A file gets its name when all of it is on the disk.
package final class DeltaShelf: Sendable {
    private struct Entry {
        var sizeBytes: UInt64
        var lastUse: UInt64
        var readers = 0
    }

    private struct State {
        private(set) var entries: [DeltaName: Entry] = [:]
        /// The same names by the path that they make.
        private var names: [StorePathHash: Set<DeltaName>] = [:]
        private(set) var blockBytes: UInt64 = 0
        var uses: UInt64 = 0
        var unfinished: UInt64 = 0
        var folder: Folder?

        mutating func insert(_ name: DeltaName, sizeBytes: UInt64, lastUse: UInt64) {
            entries[name] = Entry(sizeBytes: sizeBytes, lastUse: lastUse)
            names[name.storeHash, default: []].insert(name)
            blockBytes += DiskBlocks.bytes(sizeBytes)
        }

        /// - Returns: What it took, in whole blocks.
        mutating func remove(_ name: DeltaName) -> UInt64 {
            guard let entry = entries.removeValue(forKey: name) else { return 0 }
            names[name.storeHash]?.remove(name)
            if names[name.storeHash]?.isEmpty == true { names[name.storeHash] = nil }
            let blocks = DiskBlocks.bytes(entry.sizeBytes)
            blockBytes -= blocks
            return blocks
        }

        mutating func noteUse(_ name: DeltaName) {
            uses += 1
            entries[name]?.lastUse = uses
            entries[name]?.readers += 1
        }

        mutating func endReading(_ name: DeltaName) {
            // It may be another one of the name by now.
            guard let readers = entries[name]?.readers, readers > 0 else { return }
            entries[name]?.readers = readers - 1
        }

        func names(making key: ObjectKey) -> [DeltaName] {
            (names[key.storeHash] ?? []).filter { $0.narHash == key.narHash }
        }
    }

    /// What all of them take together, at most: a tenth of the depot.
    package let maximumBytes: UInt64
    /// A file takes a block at least, and a row in memory.
    private static let maximumCount = 50_000

    private let directory: String
    private let ledger: Ledger
    private let state = Mutex(State())

    init(directory: String, maximumSizeBytes: UInt64, ledger: Ledger) {
        self.directory = "\(directory)/deltas"
        self.ledger = ledger
        maximumBytes = maximumSizeBytes / 10
    }

    /// What they take on the disk, in whole blocks, and how many there are.
    package var usage: (count: Int, blockBytes: UInt64) {
        state.withLock { ($0.entries.count, $0.blockBytes) }
    }

    /// Takes in what an earlier process has left; what is unfinished, or does not fit, goes.
    func load() throws {
        guard unsafe access(directory, F_OK) == 0 else { return }
        let folder = try folder()
        var files: [(name: DeltaName, sizeBytes: UInt64, modifiedAt: Int64)] = []
        try folder.forEachName { text, _ in
            guard let name = DeltaName(parsing: text), "\(name)" == text,
                let status = try folder.find(text)
            else { return try folder.remove(text) }
            files.append((name, status.sizeBytes, status.modifiedAt))
        }
        // The newest first, for the oldest are the ones that may go.
        for (name, sizeBytes, _) in files.sorted(by: { $0.modifiedAt > $1.modifiedAt }) {
            let blocks = DiskBlocks.bytes(sizeBytes)
            let fits = state.withLock { state in
                state.blockBytes + blocks <= maximumBytes
                    && state.entries.count < Self.maximumCount
            }
            guard fits, ledger.reserve(blocks) == 0 else {
                try folder.remove("\(name)")
                continue
            }
            ledger.store(blocks)
            state.withLock { $0.insert(name, sizeBytes: sizeBytes, lastUse: 0) }
        }
    }

    /// Whether it is here; does not count as a use, and never waits.
    package func holds(_ name: DeltaName) -> Bool {
        state.withLock { $0.entries[name] != nil }
    }

    /// A delta that is here, which does not go while it is open.
    package func open(_ name: DeltaName) -> KeptDelta? {
        let isHere = state.withLock { state in
            guard state.entries[name] != nil else { return false }
            state.noteUse(name)
            return true
        }
        guard isHere else { return nil }
        guard let file = try? folder().open("\(name)"),
            file.sizeBytes == state.withLock({ $0.entries[name]?.sizeBytes })
        else {
            endReading(name)
            remove(name)
            return nil
        }
        return KeptDelta(name: name, file: file, shelf: self)
    }

    /// Starts to write one.
    ///
    /// - Returns: `nil` when it is here already.
    /// - Throws: When the folder takes no file.
    package func begin(_ name: DeltaName) throws -> PendingDelta? {
        let number = state.withLock { state -> UInt64? in
            guard state.entries[name] == nil else { return nil }
            state.unfinished += 1
            return state.unfinished
        }
        guard let number else { return nil }
        let folder = try folder()
        let aside = "\(name).\(number)~"
        return PendingDelta(
            name: name,
            aside: aside,
            file: try folder.create(aside),
            folder: folder,
            shelf: self
        )
    }

    /// Lets go of what was used least recently and is not being read.
    ///
    /// - Returns: How many bytes of the depot's bound that gave back.
    func evict(_ blockBytes: UInt64) -> UInt64 {
        var freed: UInt64 = 0
        let names = state.withLock { state -> [DeltaName] in
            guard blockBytes > 0, !state.entries.isEmpty else { return [] }
            var chosen: [DeltaName] = []
            let order = state.entries.filter { $0.value.readers == 0 }
                .sorted { $0.value.lastUse < $1.value.lastUse }
            for (name, _) in order where freed < blockBytes {
                freed += state.remove(name)
                chosen.append(name)
            }
            return chosen
        }
        for name in names { try? folder().remove("\(name)") }
        ledger.forget(freed)
        return freed
    }

    /// Room for more of a delta that is being written, if need be in place of older ones.
    ///
    /// - Returns: Whether it was got.
    fileprivate func reserve(_ blockBytes: UInt64, towards total: UInt64) -> Bool {
        let over = state.withLock { state in
            let sum = state.blockBytes + total
            return sum > maximumBytes ? sum - maximumBytes : 0
        }
        guard total <= maximumBytes, over == 0 || evict(over) >= over else { return false }
        let missing = ledger.reserve(blockBytes)
        guard missing > 0 else { return true }
        return evict(missing) >= missing && ledger.reserve(blockBytes) == 0
    }

    fileprivate func release(_ blockBytes: UInt64) { ledger.release(blockBytes) }

    /// - Returns: False where another one of the name has come first.
    fileprivate func add(_ name: DeltaName, sizeBytes: UInt64) -> Bool {
        let blocks = DiskBlocks.bytes(sizeBytes)
        let isAdded = state.withLock { state in
            guard state.entries[name] == nil, state.entries.count < Self.maximumCount else {
                return false
            }
            state.uses += 1
            state.insert(name, sizeBytes: sizeBytes, lastUse: state.uses)
            return true
        }
        if isAdded { ledger.store(blocks) }
        return isAdded
    }

    fileprivate func endReading(_ name: DeltaName) {
        state.withLock { $0.endReading(name) }
    }

    private func remove(_ name: DeltaName) {
        let blocks = state.withLock { $0.remove(name) }
        try? folder().remove("\(name)")
        ledger.forget(blocks)
    }

    /// Lets go of what makes the NAR of an object that goes.
    ///
    /// It holds bytes of it, and what somebody has deleted is to be gone. Who is reading one is not
    /// disturbed.
    func removeAll(making key: ObjectKey) {
        for name in state.withLock({ $0.names(making: key) }) { remove(name) }
    }

    /// Made when the first delta comes.
    private func folder() throws -> Folder {
        if let folder = state.withLock({ $0.folder }) { return folder }
        let folder = try Folder(directory)
        state.withLock { $0.folder = folder }
        return folder
    }
}

/// A kept delta that is being read.
package final class KeptDelta: Sendable {
    package let sizeBytes: UInt64
    /// Read-only, positioned anywhere; closed with this object.
    package let descriptor: Int32

    private let name: DeltaName
    private let file: ObjectFile
    private let shelf: DeltaShelf

    fileprivate init?(name: DeltaName, file: ObjectFile, shelf: DeltaShelf) {
        guard let descriptor = file.localDescriptor else { return nil }
        self.descriptor = descriptor
        self.name = name
        self.file = file
        self.shelf = shelf
        sizeBytes = file.sizeBytes
    }

    deinit { shelf.endReading(name) }
}

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

    fileprivate init(
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
            guard more == 0 || shelf.reserve(more, towards: needed) else {
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
    package func commit() throws {
        try state.withLock { state in
            guard !state.hasEnded else { return }
            do {
                try state.file.sync(name: aside)
                try folder.move(aside, to: folder, as: "\(name)")
            } catch {
                end(&state)
                throw error
            }
            state.hasEnded = true
            if !shelf.add(name, sizeBytes: state.sizeBytes) { shelf.release(state.reservedBytes) }
        }
    }

    package func abandon() { state.withLock { end(&$0) } }

    private func end(_ state: inout State) {
        guard !state.hasEnded else { return }
        state.hasEnded = true
        try? folder.remove(aside)
        shelf.release(state.reservedBytes)
    }
}
