// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Compresses whole frames, each in one call, so that a frame depends on its contents alone.
@safe struct ZstdFrameCompressor: ~Copyable, @unchecked Sendable {
    // SAFETY: made and freed here only, and the owner is not copyable, so one thread at a time
    // can reach it.
    private let context: OpaquePointer
    private let result: OwnedBuffer

    /// - Throws: `CompressionError.levelOutOfRange(_:allowed:)`, or
    ///   `CompressionError.outOfMemory`.
    init(level: Int, maximumInputBytes: Int) throws(CompressionError) {
        let context = try unsafe Self.makeContext(level: level)
        unsafe self.init(
            context: context,
            result: OwnedBuffer(byteCount: ZSTD_compressBound(maximumInputBytes))
        )
    }

    private init(context: OpaquePointer, result: consuming OwnedBuffer) {
        unsafe self.context = context
        self.result = result
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
        try Self.check(count)
        return unsafe UnsafeRawBufferPointer(rebasing: result.bytes.prefix(count))
    }

    /// A context that writes sizes and checksums; the caller frees it.
    static func makeContext(level: Int) throws(CompressionError) -> OpaquePointer {
        // Negative levels are left out: no NAR is served so fast that they would help.
        let levels = 1...Int(ZSTD_maxCLevel())
        guard levels.contains(level) else { throw .levelOutOfRange(level, allowed: levels) }
        guard let context = unsafe ZSTD_createCCtx() else { throw .outOfMemory }
        do throws(CompressionError) {
            try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level)))
            try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
            try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1))
        } catch {
            unsafe _ = ZSTD_freeCCtx(context)
            throw error
        }
        return unsafe context
    }

    /// In our words, when a call of the library failed.
    static func check(_ code: Int) throws(CompressionError) {
        guard ZSTD_isError(code) != 0 else { return }
        guard ZSTD_getErrorCode(code) != ZSTD_error_memory_allocation else { throw .outOfMemory }
        throw .libraryFailure(code: Int(ZSTD_getErrorCode(code).rawValue))
    }
}
