// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Compresses what is like other bytes, which go in front of it as a raw prefix: one zstd frame, as
/// `zstd --patch-from` makes it.
///
/// The frame says how large its contents are and has a checksum of them; its window is all of them.
/// Whoever has the same prefix unpacks it with ``PrefixUnpacker``.
///
/// Memory: the input and the prefix, which are the caller's, and about 10 MB of tables.
@safe package struct PrefixCompressor: ~Copyable, @unchecked Sendable {
    // SAFETY: made and freed here only, and the owner is not copyable, so one thread at a time
    // can reach it.
    private let context: OpaquePointer

    /// As `zstd` itself: what a prefix gives is found at every level.
    package static let defaultLevel = 3

    /// - Throws: `CompressionError.levelOutOfRange(_:allowed:)`, or `CompressionError.outOfMemory`.
    package init(level: Int = defaultLevel) throws(CompressionError) {
        unsafe context = try ZstdFrameCompressor.makeContext(level: level)
    }

    deinit { unsafe _ = ZSTD_freeCCtx(context) }

    /// One frame.
    package func compress(
        _ input: UnsafeRawBufferPointer,
        prefix: UnsafeRawBufferPointer
    ) throws(CompressionError) -> [UInt8] {
        try setWindow(over: input.count + prefix.count)
        try ZstdFrameCompressor.check(
            unsafe ZSTD_CCtx_refPrefix(context, prefix.baseAddress, prefix.count)
        )
        var frame = [UInt8](repeating: 0, count: ZSTD_compressBound(input.count))
        let count = unsafe frame.withUnsafeMutableBytes { space in
            unsafe ZSTD_compress2(
                context,
                space.baseAddress,
                space.count,
                input.baseAddress,
                input.count
            )
        }
        try ZstdFrameCompressor.check(count)
        frame.removeLast(frame.count - count)
        return frame
    }

    /// The same with what lies in arrays.
    package func compress(
        _ input: [UInt8],
        prefix: [UInt8]
    ) throws(CompressionError) -> [UInt8] {
        var result = Result<[UInt8], CompressionError>.failure(.outOfMemory)
        unsafe input.withUnsafeBytes { input in
            unsafe prefix.withUnsafeBytes { prefix in
                do throws(CompressionError) {
                    result = .success(unsafe try compress(input, prefix: prefix))
                } catch {
                    result = .failure(error)
                }
            }
        }
        return try result.get()
    }

    /// Matches are looked for over all of it: only the long-distance matcher knows a whole prefix
    /// that is larger than the tables of the level.
    private func setWindow(over sizeBytes: Int) throws(CompressionError) {
        let bits = Int.bitWidth - max(sizeBytes, 1).leadingZeroBitCount
        let window = Int32(min(max(bits, 20), 27))
        try ZstdFrameCompressor.check(
            unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window)
        )
        try ZstdFrameCompressor.check(
            unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1)
        )
    }
}
