// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Unpacks what was compressed with a raw prefix, each in one call.
///
/// Nothing is allocated for what the input claims: it fills the output exactly, or is refused.
@safe package struct PrefixUnpacker: ~Copyable, @unchecked Sendable {
    // SAFETY: made and freed here only, and the owner is not copyable, so one thread at a time
    // can reach it.
    private let context: OpaquePointer

    /// - Throws: `CompressionError.outOfMemory`.
    package init() throws(CompressionError) {
        guard let context = unsafe ZSTD_createDCtx() else { throw .outOfMemory }
        unsafe self.context = unsafe context
    }

    deinit { unsafe _ = ZSTD_freeDCtx(context) }

    /// Whether the input is good with this prefix and fills the output exactly.
    package func unpack(
        _ input: UnsafeRawBufferPointer,
        prefix: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let code = unsafe ZSTD_DCtx_refPrefix(context, prefix.baseAddress, prefix.count)
        guard ZSTD_isError(code) == 0 else { return false }
        let count = unsafe ZSTD_decompressDCtx(
            context,
            output.baseAddress,
            output.count,
            input.baseAddress,
            input.count
        )
        return ZSTD_isError(count) == 0 && count == output.count
    }

    /// The same with what lies in arrays.
    ///
    /// - Returns: `nil` when it is not good.
    package func unpack(
        _ input: ArraySlice<UInt8>,
        prefix: [UInt8],
        outputBytes: Int
    ) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: outputBytes)
        var isGood = false
        unsafe input.withUnsafeBytes { input in
            unsafe prefix.withUnsafeBytes { prefix in
                unsafe output.withUnsafeMutableBytes { output in
                    isGood = unsafe unpack(input, prefix: prefix, into: output)
                }
            }
        }
        return isGood ? output : nil
    }
}
