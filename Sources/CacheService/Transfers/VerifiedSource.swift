// SPDX-License-Identifier: Apache-2.0
import Dispatch
import NixFormat
import Synchronization

/// Bytes that are passed on and kept nowhere: the last of them leave only when all were right.
final class VerifiedSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches these fields.
    private let chunks: any ChunkSource
    private let expectation: Transfer.Expectation
    private var hasher = SHA256Hasher()
    private var received: UInt64 = 0
    private var toSkip: UInt64
    private var remaining: UInt64
    private var chunk: ArraySlice<UInt8> = []
    private var held: [UInt8]?
    private var isOver = false

    init(_ chunks: any ChunkSource, _ expectation: Transfer.Expectation, range: Range<UInt64>?) {
        self.chunks = chunks
        self.expectation = expectation
        toSkip = range?.lowerBound ?? 0
        remaining = range.map { UInt64($0.count) } ?? expectation.sizeBytes
    }

    var mayWait: Bool { true }

    func ready() async throws {
        while chunk.isEmpty, remaining > 0 {
            if held == nil, !isOver { held = try await pull() }
            guard let current = held else { return }
            // One chunk is always held back, so that the last is known for the last.
            held = isOver ? nil : try await pull()
            let skipped = Int(min(toSkip, UInt64(current.count)))
            toSkip -= UInt64(skipped)
            chunk = current[skipped...]
        }
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        // Whoever packs this fills more often than it waits, and would take nothing for the end.
        if chunk.isEmpty, remaining > 0 { try waitHere() }
        let count = Int(min(UInt64(min(buffer.count, chunk.count)), remaining))
        guard count > 0 else { return 0 }
        unsafe chunk.prefix(count).withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
        chunk.removeFirst(count)
        remaining -= UInt64(count)
        return count
    }

    /// Blocks until more is there, or all is.
    private func waitHere() throws {
        let isReady = DispatchSemaphore(value: 0)
        let outcome = WaitOutcome()
        Task {
            do {
                try await ready()
            } catch {
                outcome.failure.withLock { $0 = error }
            }
            isReady.signal()
        }
        isReady.wait()
        if let failure = outcome.failure.withLock({ $0 }) { throw failure }
    }

    /// - Returns: `nil` at the end, and only when all that came was right.
    private func pull() async throws(CacheError) -> [UInt8]? {
        let next: [UInt8]?
        do throws(TransferFailure) {
            next = try await chunks.next()
        } catch {
            throw CacheError(error)
        }
        guard let bytes = next else {
            isOver = true
            // Anything else is broken off, or is as if it were not here.
            guard received == expectation.sizeBytes, hasher.finalize() == expectation.hash else {
                throw .notFound
            }
            return nil
        }
        hasher.update(bytes)
        received += UInt64(bytes.count)
        return bytes
    }
}

private final class WaitOutcome: Sendable {
    let failure = Mutex<(any Error)?>(nil)
}
