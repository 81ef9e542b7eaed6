// SPDX-License-Identifier: Apache-2.0
package import NIOCore

/// A plain GET or HEAD, read straight from the bytes of the connection.
///
/// The fast lane answers only what it understands completely. Anything unusual, from a body to a
/// field that is not well-formed, is left to the framework's parser.
///
/// - Source: RFC 9112, sections 3 and 5.
package struct LaneRequest: Equatable {
    package var isHead = false
    package var target: String
    package var facts = RequestFacts()

    package init(isHead: Bool = false, target: String) {
        self.isHead = isHead
        self.target = target
    }

    /// What the bytes at the front of a buffer are.
    package enum Reading: Equatable {
        case request(LaneRequest, sizeBytes: Int)
        /// The head is not complete, or is not for the lane.
        case other
    }

    package static func read(_ buffer: ByteBuffer) -> Reading {
        unsafe buffer.withUnsafeReadableBytes { bytes in
            unsafe read(bytes)
        }
    }

    /// Whether a request of HTTP/1.0 that does not ask to keep the connection begins here.
    static func isHTTP10(_ buffer: ByteBuffer) -> Bool {
        let head = String(decoding: buffer.readableBytesView.prefix(4096), as: UTF8.self)
        guard let line = head.split(separator: "\r\n", maxSplits: 1).first else { return false }
        return line.hasSuffix(" HTTP/1.0") && !head.lowercased().contains("keep-alive")
    }

    private static func read(_ bytes: UnsafeRawBufferPointer) -> Reading {
        guard let (isHead, targetStart) = unsafe method(bytes),
            let targetEnd = unsafe bytes[targetStart...].firstIndex(where: {
                $0 <= 0x20 || $0 >= 0x7F
            }),
            unsafe matches(bytes, " HTTP/1.1\r\n", at: targetEnd)
        else { return .other }
        var request = LaneRequest(
            isHead: isHead,
            target: unsafe String(decoding: bytes[targetStart..<targetEnd], as: UTF8.self)
        )
        request.facts.isHead = isHead
        var position = targetEnd + 11
        while true {
            if unsafe matches(bytes, "\r\n", at: position) {
                return .request(request, sizeBytes: position + 2)
            }
            guard let next = unsafe request.readField(bytes, at: position) else { return .other }
            position = next
        }
    }

    private static func method(_ bytes: UnsafeRawBufferPointer) -> (isHead: Bool, targetStart: Int)?
    {
        if unsafe matches(bytes, "GET /", at: 0) { return (false, 4) }
        if unsafe matches(bytes, "HEAD /", at: 0) { return (true, 5) }
        return nil
    }

    /// - Returns: Where the next line starts; `nil` when the field is incomplete or not for the lane.
    private mutating func readField(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Int? {
        var colon = start
        while colon < bytes.count, unsafe Self.isTokenByte(bytes[colon]) { colon += 1 }
        guard colon > start, colon < bytes.count, unsafe bytes[colon] == UInt8(ascii: ":") else {
            return nil
        }
        var end = colon + 1
        while end < bytes.count, unsafe Self.isValueByte(bytes[end]) { end += 1 }
        guard unsafe Self.matches(bytes, "\r\n", at: end) else { return nil }
        let name = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<colon])
        let value = unsafe UnsafeRawBufferPointer(rebasing: bytes[colon + 1..<end])
        return unsafe take(name, value) ? end + 2 : nil
    }

    /// - Returns: False for a field that changes how the message is read or answered in ways the
    ///   lane does not know.
    private mutating func take(
        _ name: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) -> Bool {
        switch name.count {
        case 4 where unsafe Self.isName(name, "host"): facts.host = unsafe Self.text(value)
        case 5 where unsafe Self.isName(name, "range"): facts.range = unsafe Self.text(value)
        case 6 where unsafe Self.isName(name, "expect"): return false
        case 7 where unsafe Self.isName(name, "upgrade"): return false
        case 8 where unsafe Self.isName(name, "if-range"): facts.ifRange = unsafe Self.text(value)
        case 10 where unsafe Self.isName(name, "connection"):
            return unsafe Self.text(value).lowercased() == "keep-alive"
        case 13 where unsafe Self.isName(name, "if-none-match"):
            guard facts.ifNoneMatch == nil else { return false }
            facts.ifNoneMatch = unsafe Self.text(value)
        case 13 where unsafe Self.isName(name, "authorization"):
            guard facts.authorization == nil else { return false }
            facts.authorization = unsafe Self.text(value)
        case 14 where unsafe Self.isName(name, "content-length"): return false
        // Deltas are made, and the lane waits for nothing.
        case 15 where unsafe Self.isName(name, "accept-encoding"):
            let codings = unsafe Self.text(value).lowercased()
            return !codings.contains("dcz") && !codings.contains("firn-delta")
        case 17 where unsafe Self.isName(name, "transfer-encoding"): return false
        default: break
        }
        return true
    }

    private static func matches(
        _ bytes: UnsafeRawBufferPointer,
        _ text: StaticString,
        at start: Int
    )
        -> Bool
    {
        guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
        for index in 0..<text.utf8CodeUnitCount
        where unsafe bytes[start + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    /// Compares without regard to case; both have the same length.
    private static func isName(_ name: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        for index in 0..<name.count where unsafe name[index] | 0x20 != text.utf8Start[index] | 0x20
        {
            return false
        }
        return true
    }

    private static func text(_ value: UnsafeRawBufferPointer) -> String {
        var slice = unsafe value[...]
        while let first = unsafe slice.first, first == 0x20 || first == 0x09 {
            unsafe slice = slice.dropFirst()
        }
        while let last = unsafe slice.last, last == 0x20 || last == 0x09 {
            unsafe slice = slice.dropLast()
        }
        return unsafe String(decoding: slice, as: UTF8.self)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isValueByte(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == 0x09
    }
}
