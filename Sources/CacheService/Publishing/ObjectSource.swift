// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot
import NixFormat
import NixStore

/// A NAR in the form that the depot keeps, made while it is read and kept there on the way.
///
/// The bytes are a function of the NAR alone, so what is sent now and what is made again after an
/// eviction are the same. The NAR is verified by its reader before the last piece is handed out, and
/// nothing is committed before that.
final class ObjectSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches these fields.
    private let reader: any ByteSource
    /// `nil` for a NAR as it is.
    private var encoder: SeekableZstdEncoder?
    /// `nil` once the depot has refused it: the bytes are then only sent.
    private var pending: PendingObject?
    private let description: NARInfo?
    /// Why the depot did not take it.
    private(set) var keepingFailure: (any Error)?
    private let onEnd: @Sendable (Ending) -> Void
    private var input = [UInt8](repeating: 0, count: 256 << 10)
    private var packed = Packed()
    private var isFinished = false
    private var readBytes: UInt64 = 0

    /// What became of the object.
    enum Ending {
        case committed
        case onlySent
        /// The NAR could not be read to its end.
        case failed
    }

    /// Takes the reader for itself; `onEnd` is called once, at the NAR's end or failure.
    init(
        _ reader: any ByteSource,
        as form: NARForm,
        into object: (pending: PendingObject, describedBy: NARInfo)?,
        onEnd: @escaping @Sendable (Ending) -> Void
    ) throws {
        self.reader = reader
        pending = object?.pending
        description = object?.describedBy
        self.onEnd = onEnd
        switch form {
        case .identity: encoder = nil
        case .zstd: encoder = try SeekableZstdEncoder()
        }
    }

    var mayWait: Bool { reader.mayWait }

    func ready() async throws { try await reader.ready() }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try unsafe packed.fill(buffer) { try produce(into: &$0) }
    }

    private func produce(into output: inout [UInt8]) throws -> Bool {
        guard !isFinished else { return false }
        do {
            let count = try unsafe input.withUnsafeMutableBytes { try unsafe reader.fill($0) }
            if count > 0 {
                readBytes += UInt64(count)
                try pack(count, into: &output)
                keep(output)
            } else {
                try encoder?.finish(into: &output)
                isFinished = true
                keep(output)
                onEnd(commit())
            }
            return true
        } catch {
            pending?.abandon()
            pending = nil
            onEnd(.failed)
            throw error
        }
    }

    private func pack(_ count: Int, into output: inout [UInt8]) throws {
        guard encoder != nil else {
            output.append(contentsOf: input[..<count])
            return
        }
        try unsafe input.withUnsafeBytes { bytes in
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
            try unsafe encoder?.update(piece, into: &output)
        }
    }

    /// A full or failing depot does not stop the answer.
    private func keep(_ output: [UInt8]) {
        guard let pending else { return }
        do {
            try unsafe output.withUnsafeBytes { try unsafe pending.write($0) }
        } catch {
            pending.abandon()
            self.pending = nil
            keepingFailure = error
        }
    }

    private func commit() -> Ending {
        guard let pending, let description else { return .onlySent }
        self.pending = nil
        // Whatever the reader took for the end: a short NAR is never kept.
        guard readBytes == description.narSizeBytes else {
            pending.abandon()
            keepingFailure = ShortNAR(readBytes: readBytes, expectedBytes: description.narSizeBytes)
            return .onlySent
        }
        do {
            _ = try pending.commit(describedBy: description)
            return .committed
        } catch {
            keepingFailure = error
            return .onlySent
        }
    }
}

extension NARReader: ByteSource {}

/// A NAR ended before it had given what its narinfo promises.
struct ShortNAR: Error {
    let readBytes: UInt64
    let expectedBytes: UInt64
}
