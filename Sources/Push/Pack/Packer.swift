// SPDX-License-Identifier: Apache-2.0
import Compression
import Foundation
import NixFormat
import NixStore
import Synchronization

/// Reads, verifies and compresses NARs, on threads of its own and within a bound of memory.
///
/// What comes out is the seekable form of `docs/formats/seekable-nar.md`, whatever the number of
/// threads.
final class Packer: Sendable {
    static let frameBytes = SeekableZstdEncoder.defaultFrameSizeBytes
    /// No piece of work is longer than a frame; the disk may be slow, but not that slow.
    private static let stepDeadline = Duration.seconds(3_600)
    /// Large paths that are read at a time; each has its frames besides the budget.
    private static let largeAtATime = 2

    let store: any LocalStore
    let level: Int
    /// For what waits to be sent.
    let budget: MemoryBudget
    /// Frames of one path between the disk and its part.
    let window: Int
    let largeGate = MemoryBudget(totalBytes: largeAtATime)
    private let threads: WorkerThreads
    private let compressors = Mutex<[FrameCompressor]>([])

    init(_ store: any LocalStore, level: Int, memoryBytes: Int) {
        self.store = store
        self.level = level
        budget = MemoryBudget(totalBytes: memoryBytes)
        let cores = ProcessInfo.processInfo.activeProcessorCount
        window = min(cores + 2, 8)
        // One more than there are cores: somebody always waits for the disk.
        threads = WorkerThreads(name: "firn-pack", threads: cores + 1, maximumQueued: 10_000)
    }

    func shutDown() { threads.shutDown() }

    func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        try await threads.run(deadline: Self.stepDeadline, work)
    }

    /// Whether the NAR is one frame.
    static func isSmall(_ info: PathInfo) -> Bool { info.narSizeBytes <= UInt64(frameBytes) }

    /// What a small path takes of the budget: its NAR, and that compressed.
    static func cost(ofSmall info: PathInfo) -> Int { Int(info.narSizeBytes) * 2 + (64 << 10) }

    /// Packs a NAR of one frame in one go.
    func packSmall(_ info: PathInfo) async throws -> (PackedPath, UploadPart) {
        try await run { [self] in
            let buffer = FrameBuffer(byteCount: Int(info.narSizeBytes))
            let reader = try store.openNAR(info, range: nil)
            try unsafe buffer.fill { try unsafe reader.fill($0) }
            var table = SeekTableBuilder()
            let frame = try compress(buffer)
            table.add(compressedBytes: frame.count, inputBytes: buffer.count)
            let bytes = frame + table.bytes()
            let packed = PackedPath(
                info: info,
                fileHash: SHA256Hasher.hash(bytes),
                fileSizeBytes: UInt64(bytes.count)
            )
            return (packed, UploadPart(number: 1, bytes: bytes))
        }
    }

    /// Compresses one frame.
    ///
    /// Computes: for a thread of this packer.
    func compress(_ buffer: FrameBuffer) throws -> [UInt8] {
        let idle = compressors.withLock { $0.popLast() }
        let compressor = try idle ?? FrameCompressor(level: level)
        let bytes = try unsafe buffer.withBytes { try unsafe compressor.compress($0) }
        compressors.withLock { $0.append(compressor) }
        return bytes
    }
}
