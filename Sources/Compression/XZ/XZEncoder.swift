// SPDX-License-Identifier: Apache-2.0
import CLZMA

/// Packs one xz stream with the quickest preset, some 30 MB a second, in 4 MB of memory.
// SAFETY: the stream is made and freed here only, and one thread at a time calls (StreamEncoder).
@safe final class XZEncoder: StreamEncoder, @unchecked Sendable {
    private let stream: UnsafeMutablePointer<lzma_stream>
    private static let preset: UInt32 = 0
    private static let stepBytes = 64 << 10

    init() throws(CompressionError) {
        unsafe stream = .allocate(capacity: 1)
        // All zero is what LZMA_STREAM_INIT, a macro that Swift cannot see, stands for.
        unsafe stream.initialize(to: lzma_stream())
        let code = unsafe lzma_easy_encoder(stream, Self.preset, LZMA_CHECK_CRC64)
        guard code == LZMA_OK else { throw .outOfMemory }
    }

    deinit {
        unsafe lzma_end(stream)
        unsafe stream.deallocate()
    }

    func update(
        _ input: UnsafeRawBufferPointer,
        into output: inout [UInt8]
    ) throws(CompressionError) {
        unsafe stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_in = input.count
        while unsafe stream.pointee.avail_in > 0 { _ = try step(LZMA_RUN, into: &output) }
    }

    func finish(into output: inout [UInt8]) throws(CompressionError) {
        while try !step(LZMA_FINISH, into: &output) {}
    }

    /// - Returns: Whether the stream is complete.
    private func step(
        _ action: lzma_action,
        into output: inout [UInt8]
    ) throws(CompressionError) -> Bool {
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: Self.stepBytes))
        let code = unsafe output.withUnsafeMutableBytes { bytes in
            let room = unsafe bytes[start...]
            unsafe stream.pointee.next_out =
                UnsafeMutableRawBufferPointer(rebasing: room).baseAddress?
                .assumingMemoryBound(to: UInt8.self)
            unsafe stream.pointee.avail_out = room.count
            return unsafe lzma_code(stream, action)
        }
        output.removeLast(unsafe stream.pointee.avail_out)
        switch code {
        case LZMA_OK: return false
        case LZMA_STREAM_END: return true
        case LZMA_MEM_ERROR: throw .outOfMemory
        default: throw .libraryFailure(code: Int(code.rawValue))
        }
    }
}
