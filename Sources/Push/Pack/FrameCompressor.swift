// SPDX-License-Identifier: Apache-2.0
import Compression

/// A zstd context that is used again and again, by one thread at a time.
///
// SAFETY: whoever took it out of its pool is the only one who has it.
final class FrameCompressor: @unchecked Sendable {
    private var encoder: SeekableFrameEncoder

    init(level: Int) throws {
        encoder = try SeekableFrameEncoder(level: level, frameSizeBytes: Packer.frameBytes)
    }

    func compress(_ input: UnsafeRawBufferPointer) throws -> [UInt8] {
        var output: [UInt8] = []
        try unsafe encoder.append(input, to: &output)
        return output
    }
}

/// A frame's bytes before compression, filled by one thread and read by another afterwards.
///
// SAFETY: allocated and freed here; it is handed from one piece of work to the next, never shared.
@safe final class FrameBuffer: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(byteCount: Int) {
        unsafe memory = .allocate(byteCount: byteCount, alignment: 16)
    }

    deinit { unsafe memory.deallocate() }

    /// Fills the buffer as far as `read` has bytes; it returns 0 when there are no more.
    func fill(_ read: (UnsafeMutableRawBufferPointer) throws -> Int) rethrows {
        count = 0
        while unsafe count < memory.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[count...])
            let more = try unsafe read(rest)
            guard more > 0 else { return }
            count += more
        }
    }

    func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try unsafe body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
    }
}
