// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import Synchronization

/// An object that is being written: nobody sees it before `commit(describedBy:)` returns.
///
/// Ends with exactly one of commit, ``abandon()`` or an error of either; letting it go abandons it.
/// However it ends without a commit, its file and its reservation are gone. Calls may come from
/// different threads, one after the other.
package final class PendingObject: Sendable {
    package let key: ObjectKey

    private let depot: NARDepot
    private let state: Mutex<State>

    private struct State {
        // `nil` once the object has ended.
        var writer: (any ObjectWriting)?
        var hasher = SHA256Hasher()
        var sizeBytes: UInt64 = 0
        /// For the object and its narinfo, in whole blocks.
        var reservedBytes: UInt64 = 0
    }

    init(key: ObjectKey, writer: any ObjectWriting, depot: NARDepot) {
        self.key = key
        self.depot = depot
        state = Mutex(State(writer: writer))
    }

    deinit { abandon() }

    /// How many bytes were written so far.
    package var sizeBytes: UInt64 { state.withLock { $0.sizeBytes } }

    /// Appends bytes, after making room for them.
    ///
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull`, or
    ///   `DepotError.file(operation:path:errno:)`; the object is abandoned then.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        try state.withLock { state in
            do {
                try unsafe append(bytes, to: &state)
            } catch {
                end(&state)
                throw error
            }
        }
    }

    /// Makes the object visible, for good, and its narinfo the one of its path.
    ///
    /// When this returns, the bytes, the narinfo and the catalog's row survive a loss of power.
    ///
    /// - Parameter narInfo: What the caller knows of the path and has verified. URL, compression,
    ///   file hash and file size are filled in here.
    /// - Returns: What is kept.
    /// - Throws: `DepotError.mismatch(_:actual:)` when the bytes of an identity NAR do not have the
    ///   hash in its name, `DepotError.describesAnotherNAR(_:_:)`,
    ///   `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull`, or the failure of a
    ///   file or the catalog; the object is abandoned then.
    package func commit(describedBy narInfo: NARInfo) throws -> ObjectInfo {
        try state.withLock { state in
            do {
                let info = try publish(&state, narInfo)
                state.writer = nil
                return info
            } catch {
                end(&state)
                throw error
            }
        }
    }

    /// Gives the object up; does nothing when it has ended already.
    package func abandon() {
        state.withLock { end(&$0) }
    }

    private func append(_ bytes: UnsafeRawBufferPointer, to state: inout State) throws {
        guard let writer = state.writer else { preconditionFailure("the object has ended") }
        let newSize = state.sizeBytes + UInt64(bytes.count)
        try reserve(DiskBlocks.bytes(newSize), &state)
        state.sizeBytes = newSize
        unsafe state.hasher.update(bytes)
        try unsafe writer.append(bytes)
    }

    private func publish(_ state: inout State, _ narInfo: NARInfo) throws -> ObjectInfo {
        guard let writer = state.writer else { preconditionFailure("the object has ended") }
        let info = ObjectInfo(
            key: key,
            sizeBytes: state.sizeBytes,
            fileHash: state.hasher.finalize()
        )
        guard key.form != .identity || info.fileHash == key.narHash else {
            throw DepotError.mismatch(key, actual: info.fileHash)
        }
        let text = try depot.text(of: narInfo, naming: info)
        let blocks = DiskBlocks.bytes(info.sizeBytes) + DiskBlocks.bytes(UInt64(text.count))
        try reserve(blocks, &state)
        try writer.finish()
        try depot.publish(info, from: writer, describedBy: text)
        return info
    }

    private func reserve(_ blockBytes: UInt64, _ state: inout State) throws {
        guard blockBytes > state.reservedBytes else { return }
        try depot.reserve(blockBytes - state.reservedBytes, towards: blockBytes)
        state.reservedBytes = blockBytes
    }

    private func end(_ state: inout State) {
        guard let writer = state.writer else { return }
        state.writer = nil
        writer.abandon()
        depot.ledger.release(state.reservedBytes)
        depot.ledger.endWriting(key)
    }
}
