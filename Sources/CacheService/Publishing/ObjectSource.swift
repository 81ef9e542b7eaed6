// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot
import NixStore

/// A NAR as seekable zstd, made while it is read and kept in the depot on the way.
///
/// The bytes are a function of the NAR alone, so what is sent now and what is made again after an
/// eviction are the same. The NAR is verified by its reader before the last frame is finished, and
/// nothing is committed before that.
final class CompressingSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches these fields.
    private let reader: NARReader
    private var encoder: SeekableZstdEncoder
    /// `nil` once the depot has refused it: the bytes are then only sent.
    private var pending: PendingObject?
    private let onFailure: @Sendable () -> Void
    private let onCommit: @Sendable () -> Void
    private var input = [UInt8](repeating: 0, count: 256 << 10)
    private var output: [UInt8] = []
    private var outputStart = 0
    private var isFinished = false

    init(
        _ reader: NARReader,
        into pending: PendingObject?,
        onCommit: @escaping @Sendable () -> Void = {},
        onFailure: @escaping @Sendable () -> Void = {}
    ) throws {
        self.reader = reader
        self.pending = pending
        self.onCommit = onCommit
        self.onFailure = onFailure
        encoder = try SeekableZstdEncoder()
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            if outputStart == output.count {
                guard !isFinished else { break }
                try produce()
            }
            let count = min(buffer.count - filled, output.count - outputStart)
            unsafe output.withUnsafeBytes { bytes in
                let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[outputStart..<outputStart + count])
                unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(from: piece)
            }
            outputStart += count
            filled += count
        }
        return filled
    }

    private func produce() throws {
        output.removeAll(keepingCapacity: true)
        outputStart = 0
        do {
            let count = try unsafe input.withUnsafeMutableBytes { try unsafe reader.fill($0) }
            if count > 0 {
                try unsafe input.withUnsafeBytes { bytes in
                    let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
                    try unsafe encoder.update(piece, into: &output)
                }
                keep()
            } else {
                try encoder.finish(into: &output)
                isFinished = true
                keep()
                commit()
            }
        } catch {
            pending?.abandon()
            pending = nil
            onFailure()
            throw error
        }
    }

    /// A full or failing depot does not stop the answer.
    private func keep() {
        guard let pending else { return }
        do {
            try unsafe output.withUnsafeBytes { try unsafe pending.write($0) }
        } catch {
            pending.abandon()
            self.pending = nil
        }
    }

    private func commit() {
        guard let pending else { return }
        self.pending = nil
        guard (try? pending.commit()) != nil else { return }
        onCommit()
    }
}
