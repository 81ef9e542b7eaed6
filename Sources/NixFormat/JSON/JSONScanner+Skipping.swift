// SPDX-License-Identifier: Apache-2.0

extension JSONScanner {
    /// How deeply values may be nested that the format does not know.
    private static var maximumSkippedDepth: Int { 32 }

    /// Passes over one value of any kind, so that formats may grow.
    mutating func skipValue(depth: Int = 0) throws(JSONParseError) {
        guard depth < Self.maximumSkippedDepth else { throw .tooDeep(byteOffset: position) }
        var isFirst = true
        switch try peek() {
        case 0x7B:
            try beginObject()
            while try nextField(isFirst: &isFirst) != nil { try skipValue(depth: depth + 1) }
        case 0x5B:
            try beginArray()
            while try nextElement(isFirst: &isFirst) { try skipValue(depth: depth + 1) }
        case 0x22: _ = try string()
        case 0x74: try expectWord("true")
        case 0x66: try expectWord("false")
        case 0x6E: try expectWord("null")
        default: try skipNumber()
        }
    }

    private mutating func skipNumber() throws(JSONParseError) {
        let start = position
        let allowed = Array("+-.0123456789Ee".utf8)
        while position < bytes.count, allowed.contains(bytes[position]) { advance() }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard Double(text) != nil else { throw .invalidNumber(byteOffset: start) }
    }
}
