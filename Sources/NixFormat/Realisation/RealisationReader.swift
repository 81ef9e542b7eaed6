// SPDX-License-Identifier: Apache-2.0

/// Reads the JSON that both schemes of realisations share.
struct RealisationReader {
    private var scanner: JSONScanner

    init(_ bytes: [UInt8]) { scanner = JSONScanner(bytes) }

    var byteOffset: Int { scanner.position }

    /// Calls the scanner, whose errors become those of the realisation.
    mutating func json<Value>(
        _ body: (inout JSONScanner) throws(JSONParseError) -> Value
    ) throws(RealisationParseError) -> Value {
        do throws(JSONParseError) {
            return try body(&scanner)
        } catch {
            throw .invalidJSON(error)
        }
    }

    /// Reads an object, whose fields the body takes or skips; none may come twice.
    mutating func object(
        _ body: (inout Self, String) throws(RealisationParseError) -> Void
    ) throws(RealisationParseError) {
        try json { scanner throws(JSONParseError) in try scanner.beginObject() }
        var seen: Set<String> = []
        var isFirst = true
        while let name = try field(&isFirst) {
            guard seen.insert(name).inserted else {
                throw .invalidJSON(.duplicateField(name: name, byteOffset: byteOffset))
            }
            try body(&self, name)
        }
    }

    mutating func text() throws(RealisationParseError) -> String {
        try json { scanner throws(JSONParseError) in try scanner.text() }
    }

    mutating func skip() throws(RealisationParseError) {
        try json { scanner throws(JSONParseError) in try scanner.skipValue() }
    }

    mutating func end() throws(RealisationParseError) {
        try json { scanner throws(JSONParseError) in try scanner.expectEnd() }
    }

    mutating func storePath() throws(RealisationParseError) -> StorePath {
        let text = try text()
        do throws(StorePath.ParseError) {
            return try StorePath(parsing: text)
        } catch {
            throw .invalidPath(error, byteOffset: byteOffset)
        }
    }

    mutating func id() throws(RealisationParseError) -> DerivationOutputID {
        try id(parsing: try text())
    }

    func id(parsing text: String) throws(RealisationParseError) -> DerivationOutputID {
        do throws(DerivationOutputID.ParseError) {
            return try DerivationOutputID(parsing: text)
        } catch {
            throw .invalidID(error, byteOffset: byteOffset)
        }
    }

    mutating func signatures() throws(RealisationParseError) -> [Signature] {
        try json { scanner throws(JSONParseError) in try scanner.beginArray() }
        var signatures: [Signature] = []
        var isFirst = true
        while try element(&isFirst) { signatures.append(try signature()) }
        return signatures
    }

    /// A signature as text, or as the object that Nix writes since 2.35.
    private mutating func signature() throws(RealisationParseError) -> Signature {
        if try json({ scanner throws(JSONParseError) in try scanner.peek() }) == 0x22 {
            return try signature(parsing: try text())
        }
        let start = byteOffset
        var keyName: String?
        var base64: String?
        try object { reader, name throws(RealisationParseError) in
            switch name {
            case "keyName": keyName = try reader.text()
            case "sig": base64 = try reader.text()
            default: try reader.skip()
            }
        }
        guard let keyName else { throw missing("keyName", at: start) }
        guard let base64 else { throw missing("sig", at: start) }
        return try signature(parsing: "\(keyName):\(base64)")
    }

    func missing(_ name: String, at byteOffset: Int) -> RealisationParseError {
        .invalidJSON(.missingField(name: name, byteOffset: byteOffset))
    }

    private func signature(parsing text: String) throws(RealisationParseError) -> Signature {
        do throws(KeyTextError) {
            return try Signature(parsing: text)
        } catch {
            throw .invalidSignature(error, byteOffset: byteOffset)
        }
    }

    private mutating func field(
        _ isFirst: inout Bool
    ) throws(RealisationParseError) -> String? {
        do throws(JSONParseError) {
            guard let name = try scanner.nextField(isFirst: &isFirst) else { return nil }
            return String(decoding: name, as: UTF8.self)
        } catch {
            throw .invalidJSON(error)
        }
    }

    private mutating func element(
        _ isFirst: inout Bool
    ) throws(RealisationParseError) -> Bool {
        do throws(JSONParseError) {
            return try scanner.nextElement(isFirst: &isFirst)
        } catch {
            throw .invalidJSON(error)
        }
    }
}
