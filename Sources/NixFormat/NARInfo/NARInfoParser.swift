// SPDX-License-Identifier: Apache-2.0

extension NARInfo {
    /// Reads the text of a narinfo.
    public init(
        parsing text: some StringProtocol,
        storeDirectory: StoreDirectory
    ) throws(ParseError) {
        try self.init(parsing: Array(text.utf8), storeDirectory: storeDirectory)
    }

    /// Reads the bytes of a narinfo.
    ///
    /// As strict as Nix where a mistake would be believed: every line ends with a newline, the
    /// fields that Nix needs are there, and none of the known ones but `Sig` comes twice.
    public init(parsing bytes: [UInt8], storeDirectory: StoreDirectory) throws(ParseError) {
        var parser = NARInfoParser(storeDirectory: storeDirectory)
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let newline = rest.firstIndex(of: 0x0A) else {
                throw .unterminatedLine(byteOffset: rest.startIndex)
            }
            try parser.take(line: rest[..<newline])
            rest = rest[(newline + 1)...]
        }
        self = try parser.finish()
    }
}

/// The fields of a narinfo, as they arrive.
private struct NARInfoParser {
    let storeDirectory: StoreDirectory
    var storePath: StorePath?
    var url: String?
    var compression: NARCompression?
    var fileHash: NixHash?
    var fileSizeBytes: UInt64?
    var narHash: NixHash?
    var narSizeBytes: UInt64?
    var references: [StorePath]?
    var deriver: StorePath?
    var hasDeriver = false
    var signatures: [Signature] = []
    var contentAddress: String?
    var unknownFields: [NARInfo.Field] = []

    init(storeDirectory: StoreDirectory) { self.storeDirectory = storeDirectory }

    mutating func take(line: ArraySlice<UInt8>) throws(NARInfo.ParseError) {
        guard let colon = line.firstIndex(of: 0x3A) else {
            throw .missingColon(byteOffset: line.startIndex)
        }
        var value = line[(colon + 1)...]
        if value.first == 0x20 { value.removeFirst() }
        let name = try Self.text(line[..<colon])
        switch name {
        case "StorePath": try take(storePath: value, as: name)
        case "URL": try set(&url, Self.text(value), as: name, at: value)
        case "Compression":
            try set(&compression, NARCompression(parsing: Self.text(value)), as: name, at: value)
        case "FileHash": try set(&fileHash, Self.hash(value), as: name, at: value)
        case "FileSize": try set(&fileSizeBytes, Self.number(value, name), as: name, at: value)
        case "NarHash": try set(&narHash, Self.hash(value), as: name, at: value)
        case "NarSize": try set(&narSizeBytes, Self.number(value, name), as: name, at: value)
        case "References": try set(&references, Self.references(value), as: name, at: value)
        case "Deriver": try take(deriver: value, as: name)
        case "Sig": try take(signature: value, as: name)
        case "CA": try set(&contentAddress, Self.text(value), as: name, at: value)
        default: unknownFields.append(NARInfo.Field(name: name, value: try Self.text(value)))
        }
    }

    consuming func finish() throws(NARInfo.ParseError) -> NARInfo {
        guard let storePath else { throw .missingField(name: "StorePath") }
        guard let url, !url.isEmpty else { throw .missingField(name: "URL") }
        guard let narHash else { throw .missingField(name: "NarHash") }
        guard let narSizeBytes else { throw .missingField(name: "NarSize") }
        guard narSizeBytes > 0 else { throw .zeroNARSize }
        return NARInfo(
            storePath: storePath,
            url: url,
            compression: compression ?? .bzip2,
            fileHash: fileHash,
            fileSizeBytes: fileSizeBytes,
            narHash: narHash,
            narSizeBytes: narSizeBytes,
            references: references ?? [],
            deriver: deriver,
            signatures: signatures,
            contentAddress: contentAddress,
            unknownFields: unknownFields
        )
    }

    private func set<Value>(
        _ field: inout Value?,
        _ value: Value,
        as name: String,
        at text: ArraySlice<UInt8>
    ) throws(NARInfo.ParseError) {
        guard field == nil else {
            throw .duplicateField(name: name, byteOffset: text.startIndex)
        }
        field = value
    }

    private mutating func take(
        storePath value: ArraySlice<UInt8>,
        as name: String
    ) throws(NARInfo.ParseError) {
        let path: StorePath
        do throws(StoreDirectory.PathError) {
            path = try storeDirectory.storePath(parsing: value)
        } catch {
            throw .invalidStorePath(error, byteOffset: value.startIndex)
        }
        try set(&storePath, path, as: name, at: value)
    }

    private mutating func take(
        deriver value: ArraySlice<UInt8>,
        as name: String
    ) throws(NARInfo.ParseError) {
        guard !hasDeriver else {
            throw .duplicateField(name: name, byteOffset: value.startIndex)
        }
        hasDeriver = true
        // Nix writes these words where it does not know.
        guard !value.elementsEqual("unknown-deriver".utf8) else { return }
        deriver = try Self.baseName(value)
    }

    private mutating func take(
        signature value: ArraySlice<UInt8>,
        as name: String
    ) throws(NARInfo.ParseError) {
        if let signature = try? Signature(parsing: value) {
            signatures.append(signature)
        } else {
            unknownFields.append(NARInfo.Field(name: name, value: try Self.text(value)))
        }
    }

    private static func text(_ value: ArraySlice<UInt8>) throws(NARInfo.ParseError) -> String {
        guard let text = String(validating: value, as: UTF8.self) else {
            throw .invalidUTF8(byteOffset: value.startIndex)
        }
        return text
    }

    private static func hash(_ value: ArraySlice<UInt8>) throws(NARInfo.ParseError) -> NixHash {
        do throws(NixHash.ParseError) {
            return try NixHash(parsing: value)
        } catch {
            throw .invalidHash(error, byteOffset: value.startIndex)
        }
    }

    private static func number(
        _ value: ArraySlice<UInt8>,
        _ name: String
    ) throws(NARInfo.ParseError) -> UInt64 {
        guard let number = DecimalNumber.parse(value) else {
            throw .invalidNumber(name: name, byteOffset: value.startIndex)
        }
        return number
    }

    private static func references(
        _ value: ArraySlice<UInt8>
    ) throws(NARInfo.ParseError) -> [StorePath] {
        var references: [StorePath] = []
        for baseName in value.split(separator: 0x20) {
            references.append(try Self.baseName(baseName))
        }
        return references
    }

    private static func baseName(
        _ value: ArraySlice<UInt8>
    ) throws(NARInfo.ParseError) -> StorePath {
        do throws(StorePath.ParseError) {
            return try StorePath(parsing: value)
        } catch {
            throw .invalidBaseName(error, byteOffset: value.startIndex)
        }
    }
}
