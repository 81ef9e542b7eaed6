// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A delta in one piece.
struct MadeDelta: Sendable {
    let body: [UInt8]
    /// Whether it is on the shelf as well.
    let isKept: Bool
}

/// Bytes in memory, within a bound for all of them.
final class HeldBytes: ByteSource {
    private let bytes: Mutex<ArraySlice<UInt8>>
    private let lease: SpoolMemory.Lease

    init(_ bytes: [UInt8], _ lease: SpoolMemory.Lease) {
        self.bytes = Mutex(bytes[...])
        self.lease = lease
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        bytes.withLock { bytes in
            let count = min(buffer.count, bytes.count)
            guard count > 0 else { return 0 }
            unsafe bytes.prefix(count).withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
            bytes.removeFirst(count)
            return count
        }
    }
}
