// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// An object from elsewhere, held against its hash while it is read.
///
/// Who reads it from the beginning to the end, without leaving anything out, gets its last bytes only
/// when all of them are right. Parts by themselves cannot be held against anything.
final class VerifiedReading: ObjectReading {
    private let contents: any ObjectReading
    private let info: ObjectInfo
    private let state = Mutex(State())

    private struct State {
        var hasher: SHA256Hasher? = SHA256Hasher()
        var position: UInt64 = 0
    }

    init(_ contents: any ObjectReading, _ info: ObjectInfo) {
        self.contents = contents
        self.info = info
    }

    var sizeBytes: UInt64 { contents.sizeBytes }
    var localDescriptor: Int32? { contents.localDescriptor }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try unsafe contents.read(at: offset, into: buffer)
        try state.withLock { state in
            guard count > 0, offset == state.position, state.hasher != nil else { return }
            unsafe state.hasher?.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            state.position += UInt64(count)
            guard state.position == sizeBytes, let hash = state.hasher?.finalize() else { return }
            // Once is enough.
            state.hasher = nil
            guard hash == info.fileHash else { throw S3Problem.damaged("nar/\(info.key)") }
        }
        return count
    }
}
