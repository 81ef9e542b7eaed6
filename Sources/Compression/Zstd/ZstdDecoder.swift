// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Unpacks zstd frames, one after the other.
// SAFETY: the context is made and freed here only, and one thread at a time calls (StreamDecoder).
@safe final class ZstdDecoder: StreamDecoder, @unchecked Sendable {
    private let context: OpaquePointer
    private let memoryLimitBytes: Int
    private var inputBytes: UInt64 = 0
    // No frame at all is not a stream: an empty file is a truncated one.
    private var isBetweenFrames = false

    init(memoryLimitBytes: Int) throws(CompressionError) {
        guard let context = unsafe ZSTD_createDCtx() else { throw .outOfMemory }
        unsafe self.context = unsafe context
        self.memoryLimitBytes = memoryLimitBytes
        let bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax)
        let wanted = Int32(Int.bitWidth - 1 - max(1, memoryLimitBytes).leadingZeroBitCount)
        let windowBits = min(max(wanted, bounds.lowerBound), bounds.upperBound)
        _ = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowBits)
    }

    deinit { unsafe _ = ZSTD_freeDCtx(context) }

    func decode(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Decompressor.Progress {
        var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        while true {
            let before = unsafe (source.pos, target.pos)
            let hint = unsafe ZSTD_decompressStream(context, &target, &source)
            inputBytes += UInt64(unsafe source.pos - before.0)
            try check(hint)
            let advanced = unsafe source.pos > before.0 || target.pos > before.1
            // Asked again at the end of a frame, the library answers with what it wants next: only
            // an answer that came with progress tells where we are.
            if advanced { isBetweenFrames = hint == 0 }
            let isDone = unsafe source.pos == source.size || target.pos == target.size
            if isDone || !advanced { break }
        }
        return unsafe .init(consumedBytes: source.pos, producedBytes: target.pos)
    }

    func finish(into output: UnsafeMutableRawBufferPointer) throws(CompressionError) -> Int {
        guard !isBetweenFrames else { return 0 }
        let empty = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        let count = try unsafe decode(empty, into: output).producedBytes
        guard count > 0 || isBetweenFrames else { throw .truncated(byteOffset: inputBytes) }
        return count
    }

    private func check(_ code: Int) throws(CompressionError) {
        guard ZSTD_isError(code) != 0 else { return }
        switch ZSTD_getErrorCode(code) {
        case ZSTD_error_memory_allocation:
            throw .outOfMemory
        case ZSTD_error_frameParameter_windowTooLarge:
            throw .memoryLimitExceeded(limitBytes: memoryLimitBytes, byteOffset: inputBytes)
        case ZSTD_error_version_unsupported, ZSTD_error_frameParameter_unsupported,
            ZSTD_error_dictionary_wrong:
            throw .unsupportedVariant(byteOffset: inputBytes)
        default:
            throw .corrupted(byteOffset: inputBytes)
        }
    }
}
