// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Compresses whole frames, each in one call, so that a frame depends on its contents alone.
@safe struct ZstdFrameCompressor: ~Copyable, @unchecked Sendable {
    // SAFETY: made and freed here only, and the owner is not copyable, so one thread at a time
    // can reach it.
    private let context: OpaquePointer
    private let result: OwnedBuffer

    /// - Throws: ``CompressionError/levelOutOfRange(_:allowed:)``, or
    ///   ``CompressionError/outOfMemory``.
    init(level: Int, maximumInputBytes: Int) throws(CompressionError) {
        // Negative levels are left out: no NAR is served so fast that they would help.
        let levels = 1...Int(ZSTD_maxCLevel())
        guard levels.contains(level) else { throw .levelOutOfRange(level, allowed: levels) }
        guard let context = unsafe ZSTD_createCCtx() else { throw .outOfMemory }
        unsafe self.context = unsafe context
        result = OwnedBuffer(byteCount: ZSTD_compressBound(maximumInputBytes))
        try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level)))
        try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
        try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1))
    }

    deinit { unsafe _ = ZSTD_freeCCtx(context) }

    /// One frame; valid until the next call.
    func compress(
        _ input: UnsafeRawBufferPointer
    ) throws(CompressionError) -> UnsafeRawBufferPointer {
        let count = unsafe ZSTD_compress2(
            context,
            result.bytes.baseAddress,
            result.bytes.count,
            input.baseAddress,
            input.count
        )
        try check(count)
        return unsafe UnsafeRawBufferPointer(rebasing: result.bytes.prefix(count))
    }

    private func check(_ code: Int) throws(CompressionError) {
        guard ZSTD_isError(code) != 0 else { return }
        guard ZSTD_getErrorCode(code) != ZSTD_error_memory_allocation else { throw .outOfMemory }
        throw .libraryFailure(code: Int(ZSTD_getErrorCode(code).rawValue))
    }
}
