// SPDX-License-Identifier: Apache-2.0
import CBzip2

/// Packs one bzip2 stream in blocks of the smallest size.
// SAFETY: the stream is made and freed here only, and one thread at a time calls (StreamEncoder).
@safe final class Bzip2Encoder: StreamEncoder, @unchecked Sendable {
    // The library keeps a pointer back to the struct and refuses one that has moved.
    private let stream: UnsafeMutablePointer<bz_stream>
    private static let blockSize: Int32 = 1
    private static let stepBytes = 64 << 10

    init() throws(CompressionError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: bz_stream())
        let code = unsafe BZ2_bzCompressInit(stream, Self.blockSize, 0, 0)
        guard code == BZ_OK else { throw .outOfMemory }
    }

    deinit {
        unsafe _ = BZ2_bzCompressEnd(stream)
        unsafe stream.deallocate()
    }

    func update(
        _ input: UnsafeRawBufferPointer,
        into output: inout [UInt8]
    ) throws(CompressionError) {
        let first = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
        unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: first)
        unsafe stream.pointee.avail_in = UInt32(input.count)
        while unsafe stream.pointee.avail_in > 0 { _ = try step(BZ_RUN, into: &output) }
    }

    func finish(into output: inout [UInt8]) throws(CompressionError) {
        unsafe stream.pointee.next_in = nil
        unsafe stream.pointee.avail_in = 0
        while try !step(BZ_FINISH, into: &output) {}
    }

    /// - Returns: Whether the stream is complete.
    private func step(
        _ action: Int32,
        into output: inout [UInt8]
    ) throws(CompressionError) -> Bool {
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: Self.stepBytes))
        let code = unsafe output.withUnsafeMutableBytes { bytes in
            let room = unsafe bytes[start...]
            unsafe stream.pointee.next_out =
                UnsafeMutableRawBufferPointer(rebasing: room).baseAddress?
                .assumingMemoryBound(to: CChar.self)
            unsafe stream.pointee.avail_out = UInt32(room.count)
            return unsafe BZ2_bzCompress(stream, action)
        }
        output.removeLast(Int(unsafe stream.pointee.avail_out))
        switch code {
        case BZ_RUN_OK, BZ_FINISH_OK: return false
        case BZ_STREAM_END: return true
        default: throw .libraryFailure(code: Int(code))
        }
    }
}
