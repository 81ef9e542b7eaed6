// SPDX-License-Identifier: Apache-2.0

import Foundation
import NixFormat
import Testing

@Suite struct NARRoundTripTests {
    static let all = (try? Fixture.paths(in: "nix/nar", ending: ".nar")) ?? []

    @Test(arguments: all) func narOfNixComesBack(_ file: String) throws {
        let nar = try Fixture.bytes(file)
        #expect(writeNAR(try readNAR(nar)) == nar)
    }

    @Test(arguments: [1, 2, 3, 7, 8, 9, 64, 1000]) func piecesMayHaveAnySize(_ size: Int) throws {
        let nar = try Fixture.bytes("nix/nar/tree.nar")
        #expect(try readNAR(nar, pieceBytes: size) == (try readNAR(nar)))
    }

    @Test(arguments: 0..<40) func randomTreeComesBack(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let tree = Tree.random(using: &random)
        let nar = tree.nar
        let events = try readNAR(nar)
        #expect(writeNAR(events) == nar)
        #expect(events.last == .event(.end))
        #expect(try readNAR(nar, pieceBytes: 13) == events)
        #expect(try listNAR(nar) == tree.listing)
    }

    @Test func namesInMemoryAreWrittenLikeArrays() {
        for count in 0...20 {
            let name = [UInt8](repeating: 0x61, count: count)
            var fromArray: [UInt8] = []
            NARWriter.beginEntry(name: name, into: &fromArray)
            var fromMemory: [UInt8] = []
            unsafe name.withUnsafeBytes { unsafe NARWriter.beginEntry(name: $0, into: &fromMemory) }
            #expect(fromArray == fromMemory)
            #expect(fromArray.count.isMultiple(of: 8))
        }
    }

    @Test func directoryOfAHundredThousandEntriesComesBack() throws {
        let entries = (0..<100_000).map { number in
            Tree.Entry(name: Array("\(1_000_000 + number)".utf8), node: .symlink(target: [0x2E]))
        }
        let tree = Tree.directory(entries)
        let nar = tree.nar
        let listing = try listNAR(nar)
        #expect(listing == tree.listing)
        #expect(listing.nodes.count == 100_001)
    }

    @Test func nestingUpToTheLimitComesBack() throws {
        let limit = NARLimits.standard.maximumDepth
        let nar = Self.nested(limit)
        let events = try readNAR(nar)
        #expect(writeNAR(events) == nar)
        let listing = try listNAR(nar)
        #expect(try NARListing(parsingRoot: listing.rootJSON(.sorted)) == listing)
        #expect(throws: NARParser.ParseError.self) { try readNAR(Self.nested(limit + 1)) }
    }

    @Test func sparseFileAboveFourGiBStreamsInBoundedMemory() throws {
        let sizeBytes: UInt64 = 5 << 30 + 5
        let hole = [UInt8](repeating: 0, count: 1 << 20)
        var framing: [UInt8] = []
        NARWriter.begin(into: &framing)
        NARWriter.beginRegularFile(
            isExecutable: false,
            contentSizeBytes: sizeBytes,
            into: &framing
        )
        var end: [UInt8] = []
        NARWriter.endRegularFile(contentSizeBytes: sizeBytes, into: &end)
        let before = try residentBytes()

        var reader = ContentCounter()
        try reader.feed(framing)
        for _ in 0..<(5 << 10) { try reader.feed(hole) }
        try reader.feed(Array(hole.prefix(5)) + end)
        try reader.parser.finish()

        #expect(reader.contentBytes == sizeBytes)
        #expect(reader.parser.offset == 96 + sizeBytes + 3 + 16)
        // Other tests run beside this one, so the bound is not tight; the file is far above it.
        #expect(try residentBytes() < before + 1 << 30)
    }

    private struct ContentCounter: ~Copyable {
        var parser = NARParser()
        var contentBytes: UInt64 = 0

        mutating func feed(_ piece: [UInt8]) throws {
            var position = 0
            while let event = try parser.next(in: piece, from: &position) {
                if case .contents(let range) = event { contentBytes += UInt64(range.count) }
            }
        }
    }

    private static func nested(_ depth: Int) -> [UInt8] {
        var nar: [UInt8] = []
        NARWriter.begin(into: &nar)
        for _ in 1..<depth {
            NARWriter.beginDirectory(into: &nar)
            NARWriter.beginEntry(name: [0x64], into: &nar)
        }
        NARWriter.beginDirectory(into: &nar)
        NARWriter.endDirectory(into: &nar)
        for _ in 1..<depth {
            NARWriter.endEntry(into: &nar)
            NARWriter.endDirectory(into: &nar)
        }
        return nar
    }

    private func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return try #require(pages) * 4096
    }
}
