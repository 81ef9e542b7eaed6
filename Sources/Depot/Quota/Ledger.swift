// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Who takes how much of the depot's size, and who is reading what: kept in memory only.
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

    /// What a file takes: whole blocks of 4096 bytes, as on nearly every file system.
    static func blockBytes(_ sizeBytes: UInt64) -> UInt64 {
        (sizeBytes + 4095) & ~4095
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

    // MARK: Writing

    /// Whether the key is now this writer's own.
    func beginWriting(_ key: ObjectKey) -> Bool {
        state.withLock { $0.writing.insert(key).inserted }
    }

    /// Whether there was room; else nothing is reserved.
    func reserve(_ bytes: UInt64) -> Bool {
        state.withLock { state in
            let taken = state.storedBytes + state.pendingBytes
            guard taken <= maximumSizeBytes, bytes <= maximumSizeBytes - taken else { return false }
            state.pendingBytes += bytes
            return true
        }
    }

    func endWriting(_ key: ObjectKey, releasingBytes bytes: UInt64) {
        state.withLock { state in
            state.pendingBytes -= bytes
            state.writing.remove(key)
        }
    }

    func endWriting(_ key: ObjectKey, keeping sizeBytes: UInt64) {
        let bytes = Self.blockBytes(sizeBytes)
        state.withLock { state in
            state.pendingBytes -= bytes
            state.storedBytes += bytes
            state.objects += 1
            state.writing.remove(key)
        }
    }

    // MARK: Reading

    /// Grows with every object that goes.
    var departureCount: UInt64 { state.withLock { $0.departureCount } }

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
        let bytes = Self.blockBytes(entry.sizeBytes)
        state.withLock { state in
            state.departing.remove(entry.id)
            state.objects -= 1
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
