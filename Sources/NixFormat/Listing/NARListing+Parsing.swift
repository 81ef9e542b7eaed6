// SPDX-License-Identifier: Apache-2.0

extension NARListing {
    /// Reads what `nix nar ls --json -R` prints, of any version.
    public init(parsingRoot bytes: [UInt8]) throws(ParseError) {
        var parser = NARListingParser(bytes)
        try parser.parseRoot()
        try parser.json { scanner throws(JSONParseError) in try scanner.expectEnd() }
        self.init(nodes: parser.nodes)
    }

    /// Reads a `.ls` document.
    public init(parsing bytes: [UInt8]) throws(ParseError) {
        var parser = NARListingParser(bytes)
        try parser.parseDocument()
        self.init(nodes: parser.nodes)
    }
}

/// A listing as it is read, with the objects that are open.
private struct NARListingParser {
    private struct OpenNode {
        let index: Int
        let start: Int
        var fields = NodeFields()
        var isFirstField = true
        var isInEntries = false
        var lastName: [UInt8]?
    }

    private struct NodeFields {
        var type: [UInt8]?
        var sizeBytes: UInt64?
        var isExecutable: Bool?
        var narOffset: UInt64?
        var target: [UInt8]?
        var hasEntries: Bool?
    }

    private(set) var nodes: [NARListing.Node] = []
    private var scanner: JSONScanner
    private var open: [OpenNode] = []

    init(_ bytes: [UInt8]) { scanner = JSONScanner(bytes) }

    /// Calls the scanner, whose errors become those of the listing.
    mutating func json<Value>(
        _ body: (inout JSONScanner) throws(JSONParseError) -> Value
    ) throws(NARListing.ParseError) -> Value {
        do throws(JSONParseError) {
            return try body(&scanner)
        } catch {
            throw .invalidJSON(error)
        }
    }

    mutating func parseDocument() throws(NARListing.ParseError) {
        try json { scanner throws(JSONParseError) in try scanner.beginObject() }
        var isFirst = true
        var version: UInt64?
        while let name = try nextField(&isFirst) {
            switch name {
            case Array("version".utf8):
                version = try once(version, "version") { scanner throws(JSONParseError) in
                    try scanner.number()
                }
            case Array("root".utf8):
                guard nodes.isEmpty else { throw duplicate("root") }
                try parseRoot()
            default: try json { scanner throws(JSONParseError) in try scanner.skipValue() }
            }
        }
        try json { scanner throws(JSONParseError) in try scanner.expectEnd() }
        guard let version else { throw missing("version", at: 0) }
        guard version == 1 else {
            throw .unsupportedVersion(version, byteOffset: scanner.position)
        }
        guard !nodes.isEmpty else { throw missing("root", at: 0) }
    }

    mutating func parseRoot() throws(NARListing.ParseError) {
        try beginNode(name: [])
        while !open.isEmpty {
            if open[open.count - 1].isInEntries {
                try parseEntry()
            } else {
                try parseField()
            }
        }
    }

    private mutating func beginNode(name: [UInt8]) throws(NARListing.ParseError) {
        try json { scanner throws(JSONParseError) in try scanner.beginObject() }
        let maximumDepth = NARLimits.standard.maximumDepth
        guard open.count <= maximumDepth else {
            throw .tooDeep(maximumDepth: maximumDepth, byteOffset: scanner.position)
        }
        open.append(OpenNode(index: nodes.count, start: scanner.position - 1))
        nodes.append(NARListing.Node(name: name, depth: open.count - 1, kind: .directory))
    }

    private mutating func parseEntry() throws(NARListing.ParseError) {
        let top = open.count - 1
        var isFirst = open[top].lastName == nil
        guard let name = try nextField(&isFirst) else {
            open[top].isInEntries = false
            return
        }
        guard NAREntryName.isValid(name) else {
            throw .invalidName(name, byteOffset: scanner.position)
        }
        if let last = open[top].lastName, !last.lexicographicallyPrecedes(name) {
            throw .unsortedName(name, byteOffset: scanner.position)
        }
        open[top].lastName = name
        try beginNode(name: name)
    }

    private mutating func parseField() throws(NARListing.ParseError) {
        let top = open.count - 1
        var isFirst = open[top].isFirstField
        open[top].isFirstField = false
        guard let name = try nextField(&isFirst) else { return try endNode() }
        var fields = open[top].fields
        switch String(decoding: name, as: UTF8.self) {
        case "type":
            fields.type = try once(fields.type, "type", Self.string)
        case "target":
            fields.target = try once(fields.target, "target", Self.string)
        case "size":
            fields.sizeBytes = try once(fields.sizeBytes, "size", Self.number)
        case "narOffset":
            fields.narOffset = try once(fields.narOffset, "narOffset", Self.number)
        case "executable":
            fields.isExecutable = try once(fields.isExecutable, "executable") {
                scanner throws(JSONParseError) in try scanner.boolean()
            }
        case "entries":
            fields.hasEntries = try once(fields.hasEntries, "entries") {
                scanner throws(JSONParseError) in
                try scanner.beginObject()
                return true
            }
            open[top].isInEntries = true
        default: try json { scanner throws(JSONParseError) in try scanner.skipValue() }
        }
        open[top].fields = fields
    }

    private mutating func endNode() throws(NARListing.ParseError) {
        let node = open.removeLast()
        let fields = node.fields
        guard let type = fields.type else { throw missing("type", at: node.start) }
        let kind: NARListing.Kind
        switch String(decoding: type, as: UTF8.self) {
        case "directory":
            guard fields.hasEntries != nil else { throw missing("entries", at: node.start) }
            return
        case "regular":
            guard let sizeBytes = fields.sizeBytes else { throw missing("size", at: node.start) }
            kind = .regular(
                sizeBytes: sizeBytes,
                isExecutable: fields.isExecutable ?? false,
                narOffset: fields.narOffset == 0 ? nil : fields.narOffset
            )
        case "symlink":
            guard let target = fields.target else { throw missing("target", at: node.start) }
            kind = .symlink(target: target)
        default: throw .unknownType(type, byteOffset: node.start)
        }
        let placeholder = nodes[node.index]
        // What is no directory has no entries, whatever the text says.
        nodes.removeSubrange((node.index + 1)...)
        nodes[node.index] = NARListing.Node(
            name: placeholder.name,
            depth: placeholder.depth,
            kind: kind
        )
    }

    private static func string(_ scanner: inout JSONScanner) throws(JSONParseError) -> [UInt8] {
        try scanner.string()
    }

    private static func number(_ scanner: inout JSONScanner) throws(JSONParseError) -> UInt64 {
        try scanner.number()
    }

    private mutating func nextField(
        _ isFirst: inout Bool
    ) throws(NARListing.ParseError) -> [UInt8]? {
        do throws(JSONParseError) {
            return try scanner.nextField(isFirst: &isFirst)
        } catch {
            throw .invalidJSON(error)
        }
    }

    private mutating func once<Value>(
        _ old: Value?,
        _ name: String,
        _ read: (inout JSONScanner) throws(JSONParseError) -> Value
    ) throws(NARListing.ParseError) -> Value {
        guard old == nil else { throw duplicate(name) }
        return try json(read)
    }

    private func duplicate(_ name: String) -> NARListing.ParseError {
        .invalidJSON(.duplicateField(name: name, byteOffset: scanner.position))
    }

    private func missing(_ name: String, at byteOffset: Int) -> NARListing.ParseError {
        .invalidJSON(.missingField(name: name, byteOffset: byteOffset))
    }
}
