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
    /// What is left of the cost of a small path beside its compressed bytes, once it is packed.
    private static let overheadBytes = 64 << 10
    /// No piece of work is longer than a frame; the disk may be slow, but not that slow.
    private static let stepDeadline = Duration.seconds(3_600)
    /// Large paths that are read at a time; each has its frames besides the budget.
    private static let largeAtATime = 2

    let store: any LocalStore
    let level: Int
    /// Whether somebody wants MD5 of parts and SHA-256 of files.
    let hashesFiles: Bool
    /// For what waits to be sent.
    let budget: MemoryBudget
    /// Frames of one path between the disk and its part.
    let window: Int
    let largeGate = MemoryBudget(totalBytes: largeAtATime)
    private let threads: WorkerThreads
    private let compressors = Mutex<[FrameCompressor]>([])

    init(_ store: any LocalStore, level: Int, memoryBytes: Int, hashesFiles: Bool) {
        self.store = store
        self.level = level
        self.hashesFiles = hashesFiles
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

    /// What makes the same file of the same NAR, in words.
    var encoder: String {
        "zstd \(ZstdLibrary.version), level \(level), frames of \(Self.frameBytes)"
    }

    /// Whether the NAR is packed in one go.
    static func isSmall(_ info: PathInfo) -> Bool {
        info.narSizeBytes <= SmallNAR.maximumNARBytes
    }

    /// What a small path takes of the budget: its NAR, and that compressed.
    static func cost(ofSmall info: PathInfo) -> Int {
        Int(info.narSizeBytes) * 2 + overheadBytes
    }

    /// What it takes once it is packed.
    static func cost(of small: SmallNAR) -> Int {
        min(small.bytes.count + overheadBytes, cost(ofSmall: small.packed.info))
    }

    /// Packs a small NAR.
    func packSmall(_ info: PathInfo) async throws -> SmallNAR {
        try await run { [self] in
            let buffer = FrameBuffer(byteCount: Int(info.narSizeBytes))
            let reader = try store.openNAR(info, range: nil)
            try unsafe buffer.fill { try unsafe reader.fill($0) }
            var table = SeekTableBuilder()
            var bytes: [UInt8] = []
            try unsafe buffer.withBytes { nar in
                var rest = unsafe nar[...]
                while unsafe !rest.isEmpty {
                    let piece = unsafe rest.prefix(Self.frameBytes)
                    let frame = try unsafe compress(UnsafeRawBufferPointer(rebasing: piece))
                    unsafe table.add(compressedBytes: frame.count, inputBytes: piece.count)
                    bytes += frame
                    unsafe rest = rest.dropFirst(piece.count)
                }
            }
            bytes += table.bytes()
            let packed = PackedPath(
                info: info,
                fileHash: hashesFiles ? SHA256Hasher.hash(bytes) : nil,
                fileSizeBytes: UInt64(bytes.count)
            )
            return SmallNAR(packed: packed, bytes: bytes)
        }
    }

    /// Compresses one frame.
    ///
    /// Computes: for a thread of this packer.
    func compress(_ input: UnsafeRawBufferPointer) throws -> [UInt8] {
        let idle = compressors.withLock { $0.popLast() }
        let compressor = try idle ?? FrameCompressor(level: level)
        let bytes = try unsafe compressor.compress(input)
        compressors.withLock { $0.append(compressor) }
        return bytes
    }
}
