// SPDX-License-Identifier: Apache-2.0

/// Reads the length-prefixed, padded strings of a NAR across pieces of any size.
struct NARStringReader: Sendable {
    private enum Phase {
        case length
        case body
        case padding
    }

    /// How many bytes were read so far.
    private(set) var offset: UInt64 = 0
    /// Where the current or last string starts, its length included.
    private(set) var start: UInt64 = 0
    /// The last string, or what has come of the current one.
    private(set) var bytes: [UInt8] = []
    /// The last length.
    private(set) var length: UInt64 = 0

    private var phase = Phase.length
    private var lengthByteCount: UInt64 = 0
    private var paddingLeft = 0

    /// Whether the last string is this word.
    func holds(_ word: StaticString) -> Bool {
        unsafe bytes.elementsEqual(
            UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        )
    }

    /// Reads on; `true` when the string is complete.
    mutating func read(
        _ piece: UnsafeRawBufferPointer,
        _ position: inout Int,
        maximumBytes: Int
    ) throws(NARParser.ParseError) -> Bool {
        if phase == .length {
            let limit = UInt64(maximumBytes)
            guard unsafe try readLength(piece, &position, maximumBytes: limit) else {
                return false
            }
            bytes.removeAll(keepingCapacity: true)
            phase = .body
        }
        if phase == .body {
            let missing = Int(length) - bytes.count
            let count = min(missing, piece.count - position)
            unsafe bytes.append(contentsOf: piece[position..<position + count])
            advance(count, &position)
            guard count == missing else { return false }
            expectPadding(after: length)
            phase = .padding
        }
        guard unsafe try readPadding(piece, &position) else { return false }
        phase = .length
        return true
    }

    /// Reads a length alone; `true` when it is complete.
    mutating func readLength(
        _ piece: UnsafeRawBufferPointer,
        _ position: inout Int,
        maximumBytes: UInt64
    ) throws(NARParser.ParseError) -> Bool {
        if lengthByteCount == 0 {
            start = offset
            length = 0
        }
        if lengthByteCount == 0, piece.count - position >= 8 {
            let word = unsafe piece.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            length = UInt64(littleEndian: word)
            advance(8, &position)
        } else {
            while lengthByteCount < 8 {
                guard position < piece.count else { return false }
                length |= unsafe UInt64(piece[position]) << (8 * lengthByteCount)
                lengthByteCount += 1
                advance(1, &position)
            }
        }
        lengthByteCount = 0
        guard length <= maximumBytes else {
            throw .tooLong(actualBytes: length, maximumBytes: maximumBytes, byteOffset: start)
        }
        return true
    }

    mutating func expectPadding(after sizeBytes: UInt64) {
        paddingLeft = NARWriter.paddingSizeBytes(after: sizeBytes)
    }

    /// Reads the zeros that are due; `true` when they were all there.
    mutating func readPadding(
        _ piece: UnsafeRawBufferPointer,
        _ position: inout Int
    ) throws(NARParser.ParseError) -> Bool {
        while paddingLeft > 0 {
            guard position < piece.count else { return false }
            guard unsafe piece[position] == 0 else { throw .nonzeroPadding(byteOffset: offset) }
            paddingLeft -= 1
            advance(1, &position)
        }
        return true
    }

    mutating func advance(_ count: Int, _ position: inout Int) {
        position += count
        offset += UInt64(count)
    }
}
