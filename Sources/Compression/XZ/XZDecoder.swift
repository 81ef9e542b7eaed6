// SPDX-License-Identifier: Apache-2.0
import CLZMA

/// Unpacks xz streams, one after the other, with padding between them.
// SAFETY: the stream is made and freed here only, and one thread at a time calls (StreamDecoder).
@safe final class XZDecoder: StreamDecoder, @unchecked Sendable {
    private let stream: UnsafeMutablePointer<lzma_stream>
    private let memoryLimitBytes: Int
    private var isComplete = false

    init(memoryLimitBytes: Int) throws(CompressionError) {
        self.memoryLimitBytes = memoryLimitBytes
        unsafe stream = .allocate(capacity: 1)
        // All zero is what LZMA_STREAM_INIT, a macro that Swift cannot see, stands for.
        unsafe stream.initialize(to: lzma_stream())
        let concatenated: UInt32 = 0x08  // LZMA_CONCATENATED, another one.
        let limit = UInt64(max(1, memoryLimitBytes))
        let code = unsafe lzma_stream_decoder(stream, limit, concatenated)
        guard code == LZMA_OK else { throw .outOfMemory }
    }

    deinit {
        unsafe lzma_end(stream)
        unsafe stream.deallocate()
    }

    func decode(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Decompressor.Progress {
        try unsafe run(LZMA_RUN, input, into: output)
    }

    func finish(into output: UnsafeMutableRawBufferPointer) throws(CompressionError) -> Int {
        guard !isComplete else { return 0 }
        let empty = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        let count = try unsafe run(LZMA_FINISH, empty, into: output).producedBytes
        guard count > 0 || isComplete else {
            throw .truncated(byteOffset: unsafe stream.pointee.total_in)
        }
        return count
    }

    private func run(
        _ action: lzma_action,
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Decompressor.Progress {
        unsafe stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_in = input.count
        unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = output.count
        var code = LZMA_OK
        while unsafe code == LZMA_OK && stream.pointee.avail_out > 0
            && (stream.pointee.avail_in > 0 || action == LZMA_FINISH)
        {
            code = unsafe lzma_code(stream, action)
        }
        try check(code)
        return unsafe .init(
            consumedBytes: input.count - stream.pointee.avail_in,
            producedBytes: output.count - stream.pointee.avail_out
        )
    }

    private func check(_ code: lzma_ret) throws(CompressionError) {
        let offset = unsafe stream.pointee.total_in
        switch code {
        case LZMA_OK: break
        case LZMA_STREAM_END: isComplete = true
        case LZMA_BUF_ERROR: break  // No progress was possible; what that means, the caller knows.
        case LZMA_MEM_ERROR: throw .outOfMemory
        case LZMA_MEMLIMIT_ERROR:
            throw .memoryLimitExceeded(limitBytes: memoryLimitBytes, byteOffset: offset)
        case LZMA_OPTIONS_ERROR: throw .unsupportedVariant(byteOffset: offset)
        case LZMA_DATA_ERROR, LZMA_FORMAT_ERROR: throw .corrupted(byteOffset: offset)
        default: throw .libraryFailure(code: Int(code.rawValue))
        }
    }
}
