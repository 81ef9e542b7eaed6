// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A file that goes on as a window of memory when its disk is full.
///
/// What was written stays to be read; what comes then is held only until the slowest reader has it.
final class OverflowingSpool: SpoolFile {
    private struct State {
        /// Bytes in the file.
        var fileEnd: UInt64 = 0
        var isOverflowing = false
        /// What lies behind the file, in order, without gaps.
        var pieces: ArraySlice<(start: UInt64, bytes: [UInt8])> = []
        var end: UInt64 = 0
        var lease: SpoolMemory.Lease?
    }

    /// As far as the fetching may be ahead of the slowest reader then.
    static let memoryBytes = 1 << 20

    private let file: any SpoolFile
    private let budget: SpoolMemory
    private let onOverflow: @Sendable (any Error) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - file: Where the bytes go as long as it takes them.
    ///   - budget: What all windows may take together.
    ///   - onOverflow: Told once why the file took no more.
    init(
        _ file: any SpoolFile,
        within budget: SpoolMemory,
        onOverflow: @escaping @Sendable (any Error) -> Void
    ) {
        self.file = file
        self.budget = budget
        self.onOverflow = onOverflow
    }

    /// A window without a file from the start; its memory is its own from now on.
    ///
    /// - Returns: `nil` when the budget is used up.
    init?(memoryWithin budget: SpoolMemory) {
        guard let lease = SpoolMemory.Lease(Self.memoryBytes, within: budget) else { return nil }
        file = NoFile()
        self.budget = budget
        onOverflow = { _ in }
        state.withLock { state in
            state.isOverflowing = true
            state.lease = lease
        }
    }

    var keepsAll: Bool { file.keepsAll && !state.withLock { $0.isOverflowing } }

    var windowBytes: UInt64 {
        state.withLock { $0.isOverflowing } ? UInt64(Self.memoryBytes) : file.windowBytes
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        if !state.withLock({ $0.isOverflowing }) {
            do {
                try unsafe file.append(bytes)
                state.withLock { state in
                    state.fileEnd += UInt64(bytes.count)
                    state.end = state.fileEnd
                }
                return
            } catch {
                guard let lease = SpoolMemory.Lease(Self.memoryBytes, within: budget) else {
                    throw error
                }
                state.withLock { state in
                    state.isOverflowing = true
                    state.lease = lease
                }
                onOverflow(error)
            }
        }
        let piece = unsafe Array(bytes)
        state.withLock { state in
            state.pieces.append((state.end, piece))
            state.end += UInt64(piece.count)
        }
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let fileEnd = state.withLock { $0.fileEnd }
        guard offset >= fileEnd else {
            let count = Int(min(UInt64(buffer.count), fileEnd - offset))
            return try unsafe file.read(
                at: offset,
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            )
        }
        let piece = state.withLock { state in
            state.pieces.last { $0.start <= offset }
        }
        guard let piece, offset - piece.start < UInt64(piece.bytes.count) else {
            throw MemorySpool.OutOfBounds()
        }
        let rest = piece.bytes[Int(offset - piece.start)...].prefix(buffer.count)
        unsafe rest.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
        return rest.count
    }

    func part(_ range: Range<UInt64>) -> ReadyPart {
        if range.upperBound <= state.withLock({ $0.fileEnd }) { return file.part(range) }
        var bytes = [UInt8](repeating: 0, count: range.count)
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { bytes in
                let room = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
                return unsafe (try? read(at: range.lowerBound + UInt64(done), into: room)) ?? 0
            }
            // Whoever sends it misses the rest and breaks off.
            guard count > 0 else { break }
            done += count
        }
        return .bytes(bytes.prefix(done), end: range.upperBound)
    }

    func discard(before offset: UInt64) {
        let fileEnd = state.withLock { state in
            while let first = state.pieces.first,
                first.start + UInt64(first.bytes.count) <= offset
            {
                state.pieces.removeFirst()
            }
            return state.fileEnd
        }
        file.discard(before: min(offset, fileEnd))
    }
}

/// No file at all: everything goes through memory.
private final class NoFile: SpoolFile {
    struct Absent: Error {}

    let keepsAll = false

    func append(_ bytes: UnsafeRawBufferPointer) throws { throw Absent() }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        throw Absent()
    }

    func part(_ range: Range<UInt64>) -> ReadyPart { .none }

    func discard(before offset: UInt64) {}
}
