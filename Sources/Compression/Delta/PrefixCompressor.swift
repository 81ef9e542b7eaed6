// SPDX-License-Identifier: Apache-2.0
import CZstd

/// Compresses what is like other bytes, which go in front of it as a raw prefix: one zstd frame, as
/// `zstd --patch-from` makes it.
///
/// The frame says how large its contents are and has a checksum of them; its window is all of them.
/// Whoever has the same prefix unpacks it with ``PrefixUnpacker``.
///
/// Memory: the input and the prefix, which are the caller's, and tables of 3 MB or, for a thorough
/// one, 27.
@safe package struct PrefixCompressor: ~Copyable, @unchecked Sendable {
    // SAFETY: made and freed here only, and the owner is not copyable, so one thread at a time
    // can reach it.
    private let context: OpaquePointer

    /// How long it may take.
    package enum Effort: Sendable {
        /// What a rebuild has in common with its prefix is found by this as well.
        case quick
        /// A sixth fewer bytes for another release of something, in five times the time.
        case thorough

        fileprivate var level: Int {
            switch self {
            case .quick: 3
            case .thorough: 12
            }
        }
    }

    private let effort: Effort
    /// The level's own table has twice as many entries, for little more.
    private static let maximumHashBits = 22

    /// - Throws: `CompressionError.outOfMemory`.
    package init(_ effort: Effort = .quick) throws(CompressionError) {
        self.effort = effort
        unsafe context = try ZstdFrameCompressor.makeContext(level: effort.level)
    }

    deinit { unsafe _ = ZSTD_freeCCtx(context) }

    /// One frame, behind bytes that are there already.
    ///
    /// - Parameters:
    ///   - input: What is compressed.
    ///   - prefix: What it is like.
    ///   - head: What comes in front of the frame.
    /// - Returns: Both; only as much memory was touched.
    /// - Throws: `CompressionError`, which no input causes.
    package func compress(
        _ input: [UInt8],
        prefix: [UInt8],
        behind head: [UInt8] = []
    ) throws(CompressionError) -> [UInt8] {
        try setWindow(over: input.count + prefix.count)
        var failure: CompressionError?
        let room = head.count + ZSTD_compressBound(input.count)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { space, filled in
            _ = unsafe UnsafeMutableBufferPointer(rebasing: space[..<head.count])
                .initialize(from: head)
            filled = head.count
            let rest = unsafe UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(space)[head.count...]
            )
            do throws(CompressionError) {
                filled += unsafe try compress(input, prefix: prefix, into: rest)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// - Returns: How many bytes the frame has.
    private func compress(
        _ input: [UInt8],
        prefix: [UInt8],
        into space: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        var code = 0
        unsafe prefix.withUnsafeBytes { prefix in
            // It counts for the next frame alone, and has to be there until that is made.
            code = unsafe ZSTD_CCtx_refPrefix(context, prefix.baseAddress, prefix.count)
            guard ZSTD_isError(code) == 0 else { return }
            unsafe input.withUnsafeBytes { input in
                code = unsafe ZSTD_compress2(
                    context,
                    space.baseAddress,
                    space.count,
                    input.baseAddress,
                    input.count
                )
            }
        }
        try ZstdFrameCompressor.check(code)
        return code
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
        guard effort == .thorough else { return }
        // For the input alone the library would take a table that the prefix does not fit in.
        let hashBits = Int32(min(max(bits, 16), Self.maximumHashBits))
        try ZstdFrameCompressor.check(
            unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, hashBits)
        )
    }
}
