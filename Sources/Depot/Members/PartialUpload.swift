// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import Synchronization

/// An object whose bytes come in any order, and go on coming when the process was killed meanwhile.
///
/// It counts for the depot's bound for as long as it is there, whether or not somebody holds on to it.
/// All of its calls may come from any number of threads at once.
package final class PartialUpload: UploadedObject {
    package let id: PartialID
    package let form = NARForm.zstd

    // Not the depot, which holds on to all of these.
    private let objects: any ObjectStore
    private let ledger: Ledger
    private let all: PartialUploads
    private let state: Mutex<State>

    private struct State {
        /// Opened when it is needed.
        var object: (any PartialObject)?
        /// In whole blocks.
        var reservedBytes: UInt64
        /// Set once all of it was verified.
        var sealed: (sizeBytes: UInt64, fileHash: NixHash)?
        var hasEnded = false
        var usedAt = ContinuousClock.now
    }

    init(_ id: PartialID, reservedBytes: UInt64, of depot: NARDepot) {
        self.id = id
        objects = depot.objects
        ledger = depot.ledger
        all = depot.partials
        state = Mutex(State(object: nil, reservedBytes: reservedBytes))
    }

    /// What was written, in order; no two of them touch.
    package func have() throws -> [Range<UInt64>] { try opened().have }

    /// What it takes of the depot, in whole blocks.
    package var reservedBytes: UInt64 { state.withLock { $0.reservedBytes } }

    package var usedAt: ContinuousClock.Instant { state.withLock { $0.usedAt } }

    /// `makeRoom`: Reserves so many blocks more, towards so many altogether.
    func write(
        _ bytes: UnsafeRawBufferPointer,
        at offset: UInt64,
        makeRoom: (UInt64, UInt64) throws -> Void
    ) throws {
        let object = try opened()
        let needed = DiskBlocks.bytes(offset + UInt64(bytes.count))
        try state.withLock { state in
            guard !state.hasEnded, state.sealed == nil else { throw PartialGone(id: id) }
            state.usedAt = .now
            guard needed > state.reservedBytes else { return }
            try makeRoom(needed - state.reservedBytes, needed)
            state.reservedBytes = needed
        }
        try unsafe object.write(bytes, at: offset)
    }

    /// Fills the front of a buffer with what was written at an offset.
    ///
    /// - Returns: How many bytes; fewer than the buffer holds where more was not written.
    package func read(
        at offset: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        try unsafe opened().read(at: offset, into: buffer)
    }

    /// Says that this many bytes are all, and that whoever says it has verified them.
    package func seal(sizeBytes: UInt64, fileHash: NixHash) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.sealed = (sizeBytes, fileHash)
            state.usedAt = .now
        }
    }

    /// Removes it, whoever holds on to it.
    package func discard() {
        let (object, reserved) = state.withLock { state in
            defer {
                state.hasEnded = true
                state.reservedBytes = 0
                state.object = nil
            }
            return (state.object, state.reservedBytes)
        }
        // One that could not even be opened is looked at again at the next start.
        try? (object ?? objects.openPartial(id)).remove()
        ledger.release(reserved)
        all.forget(self)
    }

    package func takeOver() -> UploadedFile? {
        state.withLock { state in
            guard let sealed = state.sealed, let object = state.object, !state.hasEnded else {
                return nil
            }
            guard let writer = try? object.finished(sizeBytes: sealed.sizeBytes) else {
                return nil
            }
            let file = UploadedFile(
                writer: writer,
                sizeBytes: sealed.sizeBytes,
                fileHash: sealed.fileHash,
                reservedBytes: state.reservedBytes
            )
            state.hasEnded = true
            state.reservedBytes = 0
            return file
        }
    }

    package func settle() {
        state.withLock { $0.object = nil }
        all.forget(self)
    }

    package func giveBack(_ file: UploadedFile) {
        file.writer.abandon()
        state.withLock { state in
            state.hasEnded = false
            state.reservedBytes = file.reservedBytes
        }
    }

    private func opened() throws -> any PartialObject {
        try state.withLock { state in
            if state.hasEnded { throw PartialGone(id: id) }
            if let object = state.object { return object }
            let object = try objects.openPartial(id)
            state.object = object
            return object
        }
    }
}

/// An upload is not there any more: it became an object, was overdue, or turned out to be wrong.
package struct PartialGone: Error {
    package let id: PartialID
}

/// The uploads of a depot that may go on.
final class PartialUploads: Sendable {
    private let known = Mutex<[PartialID: PartialUpload]>([:])

    var list: [PartialUpload] { known.withLock { Array($0.values) } }

    func find(_ id: PartialID, orInsert make: () -> PartialUpload) -> PartialUpload {
        known.withLock { known in
            if let upload = known[id] { return upload }
            let upload = make()
            known[id] = upload
            return upload
        }
    }

    func forget(_ upload: PartialUpload) {
        known.withLock { if $0[upload.id] === upload { $0[upload.id] = nil } }
    }
}

extension NARDepot {
    /// The upload of this name, with what has come of it; begun when there is none.
    package func partialUpload(_ id: PartialID) -> PartialUpload {
        partials.find(id) { PartialUpload(id, reservedBytes: 0, of: self) }
    }

    package func listPartialUploads() -> [PartialUpload] { partials.list }

    /// Writes bytes of an upload, after making room for them.
    ///
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull`, or a failure
    ///   of the disk; the same bytes may be written again. ``PartialGone`` when it is not there any
    ///   more.
    package func write(
        _ bytes: UnsafeRawBufferPointer,
        at offset: UInt64,
        of upload: PartialUpload
    ) throws {
        try unsafe upload.write(bytes, at: offset) { try reserve($0, towards: $1) }
    }

    /// Takes over what an earlier process has left; what is older than its lifetime, or does not fit
    /// beside what is kept, goes.
    ///
    /// `now`: Seconds of Unix time.
    func adoptPartials(now: Int64) throws {
        for (id, status) in try objects.listPartials() {
            let blocks = DiskBlocks.bytes(status.sizeBytes)
            let age = now - status.modifiedAt / 1_000_000
            guard age <= configuration.partialLifetimeSeconds, ledger.reserve(blocks) == 0 else {
                try objects.openPartial(id).remove()
                continue
            }
            _ = partials.find(id) { PartialUpload(id, reservedBytes: blocks, of: self) }
        }
    }
}
