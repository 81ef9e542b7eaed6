// SPDX-License-Identifier: Apache-2.0

/// Reads a NAR that arrives in pieces, and keeps none of its contents.
///
/// Hand in each piece until ``next(in:from:)-([UInt8],_)`` gives no more events for it, then the
/// next piece; at the end of the input call ``finish()``. After an error every call throws it
/// again. What is read is canonical: ``NARWriter`` gives the same bytes back for the same events.
public struct NARParser: ~Copyable, Sendable {
    private let limits: NARLimits
    private var reader = NARStringReader()
    private var grammar = NARGrammar.archive
    /// The name of the last entry, for each directory that is open; `nil` before the first.
    private var lastNames: [[UInt8]?] = []
    private var isExecutable = false
    private var contentSizeBytes: UInt64 = 0
    private var contentsLeft: UInt64 = 0
    private var failure: ParseError?

    /// Starts before the first byte.
    public init(limits: NARLimits = .standard) { self.limits = limits }

    /// How many bytes of the NAR were read so far.
    public var offset: UInt64 { reader.offset }

    /// The next event of a piece that lies in memory.
    ///
    /// - Parameters:
    ///   - piece: The bytes that follow the last piece.
    ///   - position: Where to go on in the piece; 0 for a new one, and moved past what was read.
    /// - Returns: `nil` when the piece holds no further event.
    /// - Throws: ``ParseError`` at the first byte that cannot be part of a NAR, and from then on.
    public mutating func next(
        in piece: UnsafeRawBufferPointer,
        from position: inout Int
    ) throws(ParseError) -> NAREvent? {
        if let failure { throw failure }
        do throws(ParseError) {
            return unsafe try step(piece, &position)
        } catch {
            failure = error
            throw error
        }
    }

    /// The next event of a piece in an array.
    public mutating func next(
        in piece: [UInt8],
        from position: inout Int
    ) throws(ParseError) -> NAREvent? {
        let result: Result<NAREvent?, ParseError> = unsafe piece.withUnsafeBytes { bytes in
            do throws(ParseError) {
                return .success(unsafe try next(in: bytes, from: &position))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Says that no more bytes follow.
    ///
    /// - Throws: ``ParseError/truncated(byteOffset:)`` when the NAR is not complete.
    public mutating func finish() throws(ParseError) {
        if let failure { throw failure }
        guard case .complete = grammar else { throw .truncated(byteOffset: offset) }
    }

    private mutating func step(
        _ piece: UnsafeRawBufferPointer,
        _ position: inout Int
    ) throws(ParseError) -> NAREvent? {
        while true {
            switch grammar {
            case .contentLength:
                let limit = UInt64(Int64.max)
                guard unsafe try reader.readLength(piece, &position, maximumBytes: limit) else {
                    return nil
                }
                return beginFile()
            case .contents:
                if contentsLeft > 0 { return takeContents(of: piece.count, from: &position) }
                reader.expectPadding(after: contentSizeBytes)
                grammar = .contentPadding
            case .contentPadding:
                guard unsafe try reader.readPadding(piece, &position) else { return nil }
                grammar = .fileClose
            case .end:
                grammar = .complete
                return .end
            case .complete:
                guard position == piece.count else { throw .trailingBytes(byteOffset: offset) }
                return nil
            default:
                guard unsafe try readString(piece, &position) else { return nil }
                if let event = try accept() { return event }
            }
        }
    }

    private mutating func readString(
        _ piece: UnsafeRawBufferPointer,
        _ position: inout Int
    ) throws(ParseError) -> Bool {
        let limit =
            switch grammar {
            case .name: limits.maximumNameBytes
            case .target: limits.maximumTargetBytes
            case .executableValue: 0
            default: Self.maximumWordBytes
            }
        do throws(ParseError) {
            return unsafe try reader.read(piece, &position, maximumBytes: limit)
        } catch {
            if case .archive = grammar { throw .notAnArchive }
            throw error
        }
    }

    /// Takes the string that was just read; most are framing and give no event.
    private mutating func accept() throws(ParseError) -> NAREvent? {
        switch grammar {
        case .archive:
            guard reader.holds("nix-archive-1") else { throw .notAnArchive }
            grammar = .nodeOpen
        case .nodeOpen: try expect("(", then: .typeWord)
        case .typeWord: try expect("type", then: .type)
        case .type: return try acceptType()
        case .fileField: try acceptFileField()
        case .executableValue: try expect("", then: .contentsWord)
        case .contentsWord: try expect("contents", then: .contentLength)
        case .fileClose:
            try expect(")", then: afterNode)
            return .endRegularFile
        case .targetWord: try expect("target", then: .target)
        case .target: return try acceptTarget()
        case .symlinkClose: try expect(")", then: afterNode)
        case .directoryItem: return try acceptDirectoryItem()
        case .entryOpen: try expect("(", then: .nameWord)
        case .nameWord: try expect("name", then: .name)
        case .name: return try acceptName()
        case .nodeWord: try expect("node", then: .nodeOpen)
        case .entryClose:
            try expect(")", then: .directoryItem)
            return .endEntry
        case .contentLength, .contents, .contentPadding, .end, .complete:
            preconditionFailure("no string is read here")
        }
        return nil
    }
}

extension NARParser {
    /// Longer than every word of the format, so that a wrong one is told apart from a huge one.
    private static var maximumWordBytes: Int { 32 }

    private var afterNode: NARGrammar { lastNames.isEmpty ? .end : .entryClose }

    private mutating func expect(
        _ word: StaticString,
        then next: NARGrammar
    ) throws(ParseError) {
        guard reader.holds(word) else { throw unexpectedWord }
        grammar = next
    }

    private var unexpectedWord: ParseError {
        .unexpectedWord(expected: grammar.words, byteOffset: reader.start)
    }

    private mutating func acceptType() throws(ParseError) -> NAREvent? {
        if reader.holds("regular") {
            isExecutable = false
            grammar = .fileField
            return nil
        }
        if reader.holds("symlink") {
            grammar = .targetWord
            return nil
        }
        try expect("directory", then: .directoryItem)
        guard lastNames.count < limits.maximumDepth else {
            throw .tooDeep(maximumDepth: limits.maximumDepth, byteOffset: reader.start)
        }
        lastNames.append(nil)
        return .beginDirectory
    }

    private mutating func acceptFileField() throws(ParseError) {
        isExecutable = reader.holds("executable")
        if isExecutable {
            grammar = .executableValue
        } else {
            try expect("contents", then: .contentLength)
        }
    }

    private mutating func beginFile() -> NAREvent {
        contentSizeBytes = reader.length
        contentsLeft = contentSizeBytes
        grammar = .contents
        return .beginRegularFile(
            isExecutable: isExecutable,
            contentSizeBytes: contentSizeBytes,
            narOffset: offset
        )
    }

    private mutating func takeContents(of pieceBytes: Int, from position: inout Int) -> NAREvent? {
        let count = Int(min(contentsLeft, UInt64(pieceBytes - position)))
        guard count > 0 else { return nil }
        let range = position..<position + count
        contentsLeft -= UInt64(count)
        reader.advance(count, &position)
        return .contents(range)
    }

    private mutating func acceptTarget() throws(ParseError) -> NAREvent {
        let target = reader.bytes
        guard !target.isEmpty, !target.contains(0) else {
            throw .invalidTarget(target, byteOffset: reader.start)
        }
        grammar = .symlinkClose
        return .symlink(target: target)
    }

    private mutating func acceptDirectoryItem() throws(ParseError) -> NAREvent? {
        if reader.holds("entry") {
            grammar = .entryOpen
            return nil
        }
        guard reader.holds(")") else { throw unexpectedWord }
        lastNames.removeLast()
        grammar = afterNode
        return .endDirectory
    }

    private mutating func acceptName() throws(ParseError) -> NAREvent {
        let name = reader.bytes
        guard NAREntryName.isValid(name) else {
            throw .invalidName(name, byteOffset: reader.start)
        }
        if let last = lastNames[lastNames.count - 1] {
            guard last != name else { throw .duplicateName(name, byteOffset: reader.start) }
            guard last.lexicographicallyPrecedes(name) else {
                throw .unsortedName(name, byteOffset: reader.start)
            }
        }
        lastNames[lastNames.count - 1] = name
        grammar = .nodeWord
        return .beginEntry(name: name)
    }
}
