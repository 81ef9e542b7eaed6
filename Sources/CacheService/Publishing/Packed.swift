// SPDX-License-Identifier: Apache-2.0

/// What an encoder has given, until it is read.
struct Packed {
    var bytes: [UInt8] = []
    private var start = 0

    /// Fills a buffer, as far as there are bytes.
    ///
    /// - Parameters:
    ///   - buffer: Is filled from its front.
    ///   - produce: Puts the next bytes into the emptied ones it is handed; `false` when there will
    ///     be no more. It may also put none.
    /// - Returns: How many bytes were written; fewer than the buffer holds only at the end.
    mutating func fill(
        _ buffer: UnsafeMutableRawBufferPointer,
        produce: (inout [UInt8]) throws -> Bool
    ) rethrows -> Int {
        var filled = 0
        while filled < buffer.count {
            if start == bytes.count {
                bytes.removeAll(keepingCapacity: true)
                start = 0
                guard try produce(&bytes) else { break }
            }
            let count = min(buffer.count - filled, bytes.count - start)
            unsafe bytes[start..<start + count].withUnsafeBytes { piece in
                unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                    .copyMemory(from: piece)
            }
            start += count
            filled += count
        }
        return filled
    }
}
