// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Unpacks whole frames of known size, each in one call.
@safe struct ZstdFrameUnpacker: ~Copyable, @unchecked Sendable {
    // SAFETY: made and freed here only, and the owner is not copyable, so one thread at a time
    // can reach it.
    private let context: OpaquePointer

    init() throws(CompressionError) {
        guard let context = unsafe ZSTD_createDCtx() else { throw .outOfMemory }
        unsafe self.context = unsafe context
    }

    deinit { unsafe _ = ZSTD_freeDCtx(context) }

    /// Whether the input is good and fills the output exactly.
    func unpack(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let count = unsafe ZSTD_decompressDCtx(
            context,
            output.baseAddress,
            output.count,
            input.baseAddress,
            input.count
        )
        return ZSTD_isError(count) == 0 && count == output.count
    }
}
