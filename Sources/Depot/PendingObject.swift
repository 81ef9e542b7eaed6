// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixFormat
import Synchronization

/// An object that is being written: nobody sees it before ``commit()`` returns.
///
/// Ends with exactly one of commit, ``abandon()`` or an error of either; letting it go abandons it.
/// However it ends without a commit, its file and its reservation are gone. Calls may come from
/// different threads, one after the other.
package final class PendingObject: Sendable {
    package let key: ObjectKey

    private let depot: NARDepot
    private let fileName: String
    private let state: Mutex<State>

    private struct State: ~Copyable {
        // `nil` once the object has ended.
        var file: OwnedDescriptor?
        var hasher = SHA256Hasher()
        var sizeBytes: UInt64 = 0
    }

    init(key: ObjectKey, fileName: String, file: consuming OwnedDescriptor, depot: NARDepot) {
        self.key = key
        self.fileName = fileName
        self.depot = depot
        state = Mutex(State(file: file))
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

    /// Makes the object visible, for good.
    ///
    /// When this returns, the bytes, the name and the catalog's row survive a loss of power.
    ///
    /// - Throws: `DepotError.mismatch(_:actual:)` when the bytes of an identity NAR do not have the
    ///   hash in its name, `DepotError.diskFull`, or the failure of a file or the catalog; the
    ///   object is abandoned then.
    package func commit() throws -> ObjectInfo {
        try state.withLock { state in
            do {
                let info = try publish(&state)
                state.file = nil
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
        guard let file = state.file?.number else { preconditionFailure("the object has ended") }
        let newSize = state.sizeBytes + UInt64(bytes.count)
        try depot.reserve(from: state.sizeBytes, to: newSize)
        state.sizeBytes = newSize
        unsafe state.hasher.update(bytes)
        try unsafe writeAll(bytes, to: file)
        try depot.onStep(.written)
    }

    private func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32) throws {
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let count = retryingInterrupts {
                unsafe Glibc.write(file, base + done, bytes.count - done)
            }
            guard count >= 0 else { throw DepotError.fromErrno("write", fileName) }
            done += count
        }
    }

    private func publish(_ state: inout State) throws -> ObjectInfo {
        guard let file = state.file?.number else { preconditionFailure("the object has ended") }
        let info = ObjectInfo(
            key: key,
            sizeBytes: state.sizeBytes,
            fileHash: state.hasher.finalize()
        )
        guard key.form != .identity || info.fileHash == key.narHash else {
            throw DepotError.mismatch(key, actual: info.fileHash)
        }
        guard retryingInterrupts({ Int(fsync(file)) }) == 0 else {
            throw DepotError.fromErrno("fsync", fileName)
        }
        try depot.onStep(.fileSynced)
        try depot.publish(info, from: fileName)
        return info
    }

    private func end(_ state: inout State) {
        guard state.file != nil else { return }
        state.file = nil
        depot.discard(key, fileName: fileName, sizeBytes: state.sizeBytes)
    }
}
