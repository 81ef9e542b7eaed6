// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A small file on its way through: making a file of it would take longer than fetching it.
final class MemorySpool: SpoolFile {
    let keepsAll = true
    private let bytes = Mutex<[UInt8]>([])
    private let reservedBytes: Int
    private let budget: SpoolMemory

    /// - Returns: `nil` when the budget is used up.
    init?(_ sizeBytes: UInt64, within budget: SpoolMemory) {
        guard budget.take(Int(sizeBytes)) else { return nil }
        reservedBytes = Int(sizeBytes)
        self.budget = budget
    }

    deinit { budget.giveBack(reservedBytes) }

    /// More was sent than was announced, or there is nothing where something is read.
    struct OutOfBounds: Error {}

    func append(_ more: UnsafeRawBufferPointer) throws {
        try bytes.withLock { bytes in
            guard bytes.count + more.count <= reservedBytes else { throw OutOfBounds() }
            unsafe bytes.append(contentsOf: more)
        }
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try bytes.withLock { bytes in
            guard offset < bytes.count else { throw OutOfBounds() }
            let count = min(bytes.count - Int(offset), buffer.count)
            unsafe bytes[Int(offset)...].prefix(count).withUnsafeBytes {
                unsafe buffer.copyMemory(from: $0)
            }
            return count
        }
    }

    func part(_ range: Range<UInt64>) -> ReadyPart {
        let slice = bytes.withLock { $0[Int(range.lowerBound)..<Int(range.upperBound)] }
        return .bytes(slice, end: range.upperBound)
    }

    func discard(before offset: UInt64) {}
}

/// What all small files on their way through may take together.
final class SpoolMemory: Sendable {
    private let freeBytes: Mutex<Int>

    init(bytes: Int) {
        freeBytes = Mutex(bytes)
    }

    func take(_ count: Int) -> Bool {
        freeBytes.withLock { free in
            guard count <= free else { return false }
            free -= count
            return true
        }
    }

    func giveBack(_ count: Int) { freeBytes.withLock { $0 += count } }

    /// Memory that is given back when it is let go.
    final class Lease: Sendable {
        private let count: Mutex<Int>
        private let budget: SpoolMemory

        /// - Returns: `nil` when the budget is used up.
        init?(_ count: Int, within budget: SpoolMemory) {
            guard budget.take(count) else { return nil }
            self.count = Mutex(count)
            self.budget = budget
        }

        deinit { giveBack(downTo: 0) }

        /// Keeps only so much.
        func giveBack(downTo kept: Int) {
            let over = count.withLock { count in
                defer { count = min(count, kept) }
                return max(0, count - kept)
            }
            budget.giveBack(over)
        }
    }
}
