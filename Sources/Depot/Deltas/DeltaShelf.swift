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
        /// What is being written, and whether it is still wanted.
        private(set) var writing: [DeltaName: Bool] = [:]
        /// What that has reserved, in whole blocks.
        var writingBytes: UInt64 = 0
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

        /// - Returns: False where it is here, or is being written by somebody else.
        mutating func beginWriting(_ name: DeltaName) -> Bool {
            guard entries[name] == nil, writing[name] == nil else { return false }
            writing[name] = true
            return true
        }

        mutating func endWriting(_ name: DeltaName) { writing[name] = nil }

        /// - Returns: Those that are here; what is being written will not be wanted.
        mutating func drop(making key: ObjectKey) -> [DeltaName] {
            for name in writing.keys
            where name.storeHash == key.storeHash && name.narHash == key.narHash {
                writing[name] = false
            }
            return (names[key.storeHash] ?? []).filter { $0.narHash == key.narHash }
        }

        /// Those that nobody reads and that were used least recently, for so much room.
        func oldest(_ wantedBytes: UInt64) -> [DeltaName] {
            var chosen: [DeltaName] = []
            var sum: UInt64 = 0
            // One or two are wanted most of the time, and there may be very many.
            while sum < wantedBytes, chosen.count < 4 {
                let next = entries.lazy.filter { $0.value.readers == 0 && !chosen.contains($0.key) }
                    .min { $0.value.lastUse < $1.value.lastUse }
                guard let next else { return chosen }
                chosen.append(next.key)
                sum += DiskBlocks.bytes(next.value.sizeBytes)
            }
            guard sum < wantedBytes else { return chosen }
            chosen = []
            sum = 0
            let order = entries.filter { $0.value.readers == 0 }
                .sorted { $0.value.lastUse < $1.value.lastUse }
            for (name, entry) in order where sum < wantedBytes {
                chosen.append(name)
                sum += DiskBlocks.bytes(entry.sizeBytes)
            }
            return chosen
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
    /// - Returns: `nil` when it is here already, or is being written.
    /// - Throws: When the folder takes no file.
    package func begin(_ name: DeltaName) throws -> PendingDelta? {
        let number = state.withLock { state -> UInt64? in
            guard state.beginWriting(name) else { return nil }
            state.unfinished += 1
            return state.unfinished
        }
        guard let number else { return nil }
        do {
            let folder = try folder()
            let aside = "\(name).\(number)~"
            return PendingDelta(
                name: name,
                aside: aside,
                file: try folder.create(aside),
                folder: folder,
                shelf: self
            )
        } catch {
            state.withLock { $0.endWriting(name) }
            throw error
        }
    }

    /// Lets go of what was used least recently and is not being read.
    ///
    /// - Returns: How many bytes of the depot's bound that gave back.
    func evict(_ blockBytes: UInt64) -> UInt64 {
        var freed: UInt64 = 0
        let names = state.withLock { state -> [DeltaName] in
            guard blockBytes > 0, !state.entries.isEmpty else { return [] }
            let chosen = state.oldest(blockBytes)
            for name in chosen { freed += state.remove(name) }
            return chosen
        }
        for name in names { try? folder().remove("\(name)") }
        ledger.forget(freed)
        return freed
    }

    /// Room for more of a delta that is being written, if need be in place of older ones.
    ///
    /// - Returns: Whether it was got.
    func reserve(_ blockBytes: UInt64) -> Bool {
        // Those that are being written count too, or several could take a tenth each.
        let over = state.withLock { state in
            state.writingBytes += blockBytes
            let sum = state.blockBytes + state.writingBytes
            return sum > maximumBytes ? sum - maximumBytes : 0
        }
        if over == 0 || evict(over) >= over {
            let missing = ledger.reserve(blockBytes)
            if missing == 0 || (evict(missing) >= missing && ledger.reserve(blockBytes) == 0) {
                return true
            }
        }
        state.withLock { $0.writingBytes -= blockBytes }
        return false
    }

    /// Somebody has ended writing, and nothing of it stays.
    func release(_ name: DeltaName, _ blockBytes: UInt64) {
        state.withLock { state in
            state.endWriting(name)
            state.writingBytes -= blockBytes
        }
        ledger.release(blockBytes)
    }

    /// - Returns: False where nobody wants it any more.
    func add(_ name: DeltaName, sizeBytes: UInt64) -> Bool {
        let blocks = DiskBlocks.bytes(sizeBytes)
        if state.withLock({ $0.entries.count >= Self.maximumCount }) { _ = evict(1) }
        let isAdded = state.withLock { state in
            guard state.entries.count < Self.maximumCount, state.writing[name] == true else {
                return false
            }
            state.endWriting(name)
            state.writingBytes -= blocks
            state.uses += 1
            state.insert(name, sizeBytes: sizeBytes, lastUse: state.uses)
            return true
        }
        if isAdded { ledger.store(blocks) }
        return isAdded
    }

    func endReading(_ name: DeltaName) {
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
        for name in state.withLock({ $0.drop(making: key) }) { remove(name) }
    }

    /// Made when the first delta comes.
    private func folder() throws -> Folder {
        if let folder = state.withLock({ $0.folder }) { return folder }
        let folder = try Folder(directory)
        state.withLock { $0.folder = folder }
        return folder
    }
}
