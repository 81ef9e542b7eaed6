// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// An object that is being brought here before it is known which path it is for.
///
/// Written like a ``PendingObject``. When its bytes are complete it may wait for as long as it is
/// held on to: it counts for the depot's bound, is seen by nobody, and does not outlive the process.
/// However it ends, its file and its room are given back, unless it became a path's object.
package final class PendingUpload: UploadedObject {
    package let form: NARForm

    private let depot: NARDepot
    private let state: Mutex<State>

    private struct State {
        // `nil` once it has ended.
        var writer: (any ObjectWriting)?
        var hasher = SHA256Hasher()
        var sizeBytes: UInt64 = 0
        /// In whole blocks.
        var reservedBytes: UInt64
        var isComplete = false
        var fileHash: NixHash?
    }

    init(_ writer: any ObjectWriting, form: NARForm, reservedBytes: UInt64, depot: NARDepot) {
        self.form = form
        self.depot = depot
        state = Mutex(State(writer: writer, reservedBytes: reservedBytes))
    }

    deinit { abandon() }

    /// How many bytes were written so far.
    package var sizeBytes: UInt64 { state.withLock { $0.sizeBytes } }

    /// As ``PendingObject/write(_:)``.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        try state.withLock { state in
            do {
                guard let writer = state.writer else {
                    preconditionFailure("the upload has ended")
                }
                let newSize = state.sizeBytes + UInt64(bytes.count)
                let blocks = DiskBlocks.bytes(newSize)
                if blocks > state.reservedBytes {
                    try depot.reserve(blocks - state.reservedBytes, towards: blocks)
                    state.reservedBytes = blocks
                }
                state.sizeBytes = newSize
                unsafe state.hasher.update(bytes)
                try unsafe writer.append(bytes)
            } catch {
                end(&state)
                throw error
            }
        }
    }

    /// All bytes are here, and the disk has begun to write them; what was reserved beyond them is not
    /// any more.
    package func complete() throws {
        try state.withLock { state in
            do {
                try state.writer?.startFinishing()
                let needed = DiskBlocks.bytes(state.sizeBytes)
                if state.reservedBytes > needed {
                    depot.ledger.release(state.reservedBytes - needed)
                    state.reservedBytes = needed
                }
                state.isComplete = true
                state.fileHash = state.hasher.finalize()
            } catch {
                end(&state)
                throw error
            }
        }
    }

    /// Gives the upload up; does nothing when it has ended already.
    package func abandon() {
        state.withLock { end(&$0) }
    }

    package func takeOver() -> UploadedFile? {
        state.withLock { state in
            guard let writer = state.writer, state.isComplete, let hash = state.fileHash else {
                return nil
            }
            defer {
                state.writer = nil
                state.reservedBytes = 0
            }
            return UploadedFile(
                writer: writer,
                sizeBytes: state.sizeBytes,
                fileHash: hash,
                reservedBytes: state.reservedBytes
            )
        }
    }

    package func settle() {}

    package func giveBack(_ file: UploadedFile) {
        state.withLock { state in
            state.writer = file.writer
            state.reservedBytes = file.reservedBytes
        }
    }

    private func end(_ state: inout State) {
        guard let writer = state.writer else { return }
        state.writer = nil
        writer.abandon()
        depot.ledger.release(state.reservedBytes)
    }
}

extension NARDepot {
    /// Starts to take an object whose path is told afterwards.
    ///
    /// `expectedBytes`: What is reserved now, so that what does not fit evicts nothing; it
    /// may still become more or less.
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull`, or a failure
    /// of the disk.
    package func beginUpload(as form: NARForm, expectedBytes: UInt64) throws -> PendingUpload {
        let reserved = DiskBlocks.bytes(expectedBytes)
        try reserve(reserved, towards: reserved)
        do {
            return PendingUpload(
                try objects.beginUnnamed(),
                form: form,
                reservedBytes: reserved,
                depot: self
            )
        } catch {
            ledger.release(reserved)
            throw error
        }
    }
}
