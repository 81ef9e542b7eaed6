// SPDX-License-Identifier: Apache-2.0
import CBzip2

/// Unpacks bzip2 streams, one after the other.
// SAFETY: the stream is made and freed here only, and one thread at a time calls (StreamDecoder).
@safe final class Bzip2Decoder: StreamDecoder, @unchecked Sendable {
    // The library keeps a pointer back to the struct and refuses one that has moved.
    private let stream: UnsafeMutablePointer<bz_stream>
    private var inputBytes: UInt64 = 0
    private var isBetweenStreams = false
    private var isOpen = false

    init() throws(CompressionError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: bz_stream())
        try open()
    }

    deinit {
        close()
        unsafe stream.deallocate()
    }

    func decode(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Decompressor.Progress {
        var consumed = 0
        var produced = 0
        while produced < output.count {
            if isBetweenStreams {
                guard consumed < input.count else { break }
                try open()
            }
            let source = unsafe UnsafeRawBufferPointer(rebasing: input[consumed...])
            let target = unsafe UnsafeMutableRawBufferPointer(rebasing: output[produced...])
            let progress = try unsafe step(source, into: target)
            consumed += progress.consumedBytes
            produced += progress.producedBytes
            if progress == .init(consumedBytes: 0, producedBytes: 0) && !isBetweenStreams { break }
        }
        return .init(consumedBytes: consumed, producedBytes: produced)
    }

    func finish(into output: UnsafeMutableRawBufferPointer) throws(CompressionError) -> Int {
        guard !isBetweenStreams else { return 0 }
        let empty = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        let count = try unsafe decode(empty, into: output).producedBytes
        guard count > 0 || isBetweenStreams else { throw .truncated(byteOffset: inputBytes) }
        return count
    }

    private func step(
        _ input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Decompressor.Progress {
        let available = UInt32(clamping: input.count)
        let room = UInt32(clamping: output.count)
        let first = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
        unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: first)
        unsafe stream.pointee.avail_in = available
        unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
        unsafe stream.pointee.avail_out = room
        let code = unsafe BZ2_bzDecompress(stream)
        let consumed = unsafe Int(available - stream.pointee.avail_in)
        let produced = unsafe Int(room - stream.pointee.avail_out)
        inputBytes += UInt64(consumed)
        switch code {
        case BZ_OK: break
        case BZ_STREAM_END: close()
        case BZ_MEM_ERROR: throw .outOfMemory
        case BZ_DATA_ERROR, BZ_DATA_ERROR_MAGIC: throw .corrupted(byteOffset: inputBytes)
        default: throw .libraryFailure(code: Int(code))
        }
        return .init(consumedBytes: consumed, producedBytes: produced)
    }

    private func open() throws(CompressionError) {
        guard unsafe BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else { throw .outOfMemory }
        isOpen = true
        isBetweenStreams = false
    }

    private func close() {
        guard isOpen else { return }
        unsafe _ = BZ2_bzDecompressEnd(stream)
        isOpen = false
        isBetweenStreams = true
    }
}
