// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Who takes how much of the depot's size, and who is reading or writing what: in memory only.
///
/// Sizes are in whole blocks. An object that was removed while it was read counts until its last
/// reader is done, for so long does it take its room on the disk.
final class Ledger: Sendable {
    private struct Reading {
        var readers = 0
        /// What to give back with the last reader; 0 while the object is still stored.
        var owedBytes: UInt64 = 0
    }

    private struct State: ~Copyable {
        var objects: Int
        var storedBytes: UInt64
        var pendingBytes: UInt64 = 0
        var writing: Set<ObjectKey> = []
        var readings: [Int64: Reading] = [:]
        var departing: Set<Int64> = []
        var departureCount: UInt64 = 0
    }

    private let maximumSizeBytes: UInt64
    private let state: Mutex<State>

    init(objects: Int, storedBytes: UInt64, maximumSizeBytes: UInt64) {
        self.maximumSizeBytes = maximumSizeBytes
        state = Mutex(State(objects: objects, storedBytes: storedBytes))
    }

    var usage: DepotUsage {
        state.withLock { state in
            DepotUsage(
                objects: state.objects,
                sizeBytes: state.storedBytes,
                pendingSizeBytes: state.pendingBytes,
                maximumSizeBytes: maximumSizeBytes
            )
        }
    }

    // MARK: Room

    /// Takes room for what is about to be written.
    ///
    /// - Returns: How much was missing: 0, or nothing is reserved.
    func reserve(_ blockBytes: UInt64) -> UInt64 {
        state.withLock { state in
            let taken = state.storedBytes + state.pendingBytes
            let wanted = taken + blockBytes
            guard wanted <= maximumSizeBytes else { return wanted - maximumSizeBytes }
            state.pendingBytes += blockBytes
            return 0
        }
    }

    /// Gives back what was reserved.
    func release(_ blockBytes: UInt64) {
        state.withLock { $0.pendingBytes -= blockBytes }
    }

    /// What was reserved is stored now, in place of something else.
    func store(_ blockBytes: UInt64, replacing oldBlockBytes: UInt64 = 0, objects: Int = 0) {
        state.withLock { state in
            state.pendingBytes -= blockBytes
            state.storedBytes = state.storedBytes + blockBytes - oldBlockBytes
            state.objects += objects
        }
    }

    /// An object that was just stored is not there after all: it is reserved again.
    func unstore(_ blockBytes: UInt64) {
        state.withLock { state in
            state.pendingBytes += blockBytes
            state.storedBytes -= blockBytes
            state.objects -= 1
        }
    }

    /// What is stored turned out to be more or less than was counted.
    func correct(from oldBlockBytes: UInt64, to blockBytes: UInt64) {
        state.withLock { $0.storedBytes = $0.storedBytes + blockBytes - oldBlockBytes }
    }

    /// Something that was stored is gone.
    func forget(_ blockBytes: UInt64) {
        state.withLock { $0.storedBytes -= blockBytes }
    }

    // MARK: Writing

    /// Whether the key is now this writer's own.
    func beginWriting(_ key: ObjectKey) -> Bool {
        state.withLock { $0.writing.insert(key).inserted }
    }

    func isWriting(_ key: ObjectKey) -> Bool { state.withLock { $0.writing.contains(key) } }

    func endWriting(_ key: ObjectKey) {
        state.withLock { _ = $0.writing.remove(key) }
    }

    // MARK: Reading

    /// Grows with every object that goes.
    var departureCount: UInt64 { state.withLock { $0.departureCount } }

    func isReading(_ entry: CatalogEntry) -> Bool {
        state.withLock { $0.readings[entry.id] != nil }
    }

    /// A lease on an object that the catalog showed after the stamp was taken.
    ///
    /// - Returns: `nil` when something has gone since: the catalog has to be asked again.
    func beginReading(
        _ entry: CatalogEntry,
        unlessDepartedSince stamp: UInt64
    ) -> ReadingLease? {
        let isCurrent = state.withLock { state in
            guard state.departureCount == stamp else { return false }
            state.readings[entry.id, default: Reading()].readers += 1
            return true
        }
        return isCurrent ? ReadingLease(id: entry.id, ledger: self) : nil
    }

    fileprivate func endReading(_ id: Int64) {
        state.withLock { state in
            guard var reading = state.readings[id] else { return }
            reading.readers -= 1
            state.readings[id] = reading.readers > 0 ? reading : nil
            if reading.readers == 0 { state.storedBytes -= reading.owedBytes }
        }
    }

    // MARK: Going

    /// Whether the object may go, and nobody else is at it.
    func beginDeparture(_ entry: CatalogEntry, evenIfOpen: Bool) -> Bool {
        state.withLock { state in
            guard evenIfOpen || state.readings[entry.id] == nil else { return false }
            guard state.departing.insert(entry.id).inserted else { return false }
            state.departureCount += 1
            return true
        }
    }

    func cancelDeparture(_ entry: CatalogEntry) {
        state.withLock { _ = $0.departing.remove(entry.id) }
    }

    func endDeparture(_ entry: CatalogEntry) {
        let bytes = DiskBlocks.bytes(entry.sizeBytes)
        state.withLock { state in
            state.departing.remove(entry.id)
            state.objects -= 1
            // Nobody reads a narinfo but in one go.
            state.storedBytes -= DiskBlocks.bytes(entry.record.narInfoSizeBytes)
            if state.readings[entry.id] != nil {
                state.readings[entry.id]?.owedBytes = bytes
            } else {
                state.storedBytes -= bytes
            }
        }
    }
}

/// Keeps an object from being evicted until it is ended or let go.
final class ReadingLease: Sendable {
    let id: Int64
    private let ledger: Ledger
    private let isEnded = Atomic(false)

    fileprivate init(id: Int64, ledger: Ledger) {
        self.id = id
        self.ledger = ledger
    }

    deinit { end() }

    func end() {
        guard !isEnded.exchange(true, ordering: .relaxed) else { return }
        ledger.endReading(id)
    }
}
