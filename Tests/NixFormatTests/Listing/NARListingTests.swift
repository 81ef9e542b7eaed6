// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct NARListingTests {
    @Test(arguments: ["tree", "not-utf8"]) func jsonIsThatOfNix(_ name: String) throws {
        let listing = try listNAR(try Fixture.bytes("nix/nar/\(name).nar"))
        let expected = try Fixture.bytes("nix/nar/\(name).type-first.json")
        #expect(listing.rootJSON(.typeFirst) == expected)
        #expect(try NARListing(parsingRoot: expected) == listing)
    }

    @Test func jsonIsThatOfNewerNix() throws {
        let listing = try listNAR(try Fixture.bytes("nix/nar/tree.nar"))
        let printed = try Fixture.bytes("nix-newer/tree.sorted.json")
        // The newline is the command's.
        #expect(listing.rootJSON(.sorted) + [0x0A] == printed)
        #expect(try NARListing(parsingRoot: printed) == listing)
    }

    @Test(arguments: [("nix/cache", NARListing.JSONForm.typeFirst), ("nix-newer", .sorted)])
    func documentIsThatOfNix(_ folder: String, _ form: NARListing.JSONForm) throws {
        let files = try Fixture.paths(in: folder, ending: ".ls")
        #expect(files.count > 1)
        for file in files {
            let bytes = try Fixture.bytes(file)
            #expect(try NARListing(parsing: bytes).documentJSON(form) == bytes)
        }
    }

    @Test(arguments: NARListing.JSONForm.allCases)
    func everyFormComesBack(_ form: NARListing.JSONForm) throws {
        var random = SeededRandom(seed: 7)
        for _ in 0..<20 {
            let listing = Tree.random(using: &random).listing
            #expect(try NARListing(parsingRoot: listing.rootJSON(form)) == listing)
            #expect(try NARListing(parsing: listing.documentJSON(form)) == listing)
        }
    }

    @Test func formsDifferAsInNix() {
        let script = Tree.regular(contents: [1], isExecutable: true)
        let plain = Tree.regular(contents: [], isExecutable: false)
        let tree = Tree.directory([
            Tree.Entry(name: [0x08], node: .directory([])),
            Tree.Entry(name: [0x61], node: script), Tree.Entry(name: [0x62], node: plain),
            Tree.Entry(name: [0x63], node: .symlink(target: [0x78])),
        ])
        let json = NARListing.JSONForm.allCases.map {
            String(decoding: tree.listing.rootJSON($0), as: UTF8.self)
        }
        #expect(
            json == [
                #"{"type":"directory","entries":{"\u0008":{"type":"directory","entries":{}},"#
                    + #""a":{"type":"regular","size":1,"executable":true,"narOffset":432},"#
                    + #""b":{"type":"regular","size":0,"narOffset":624},"#
                    + #""c":{"type":"symlink","target":"x"}}}"#,
                #"{"entries":{"\b":{"entries":{},"type":"directory"},"#
                    + #""a":{"executable":true,"narOffset":432,"size":1,"type":"regular"},"#
                    + #""b":{"narOffset":624,"size":0,"type":"regular"},"#
                    + #""c":{"target":"x","type":"symlink"}},"type":"directory"}"#,
                #"{"entries":{"\b":{"entries":{},"type":"directory"},"#
                    + #""a":{"executable":true,"narOffset":432,"size":1,"type":"regular"},"#
                    + #""b":{"executable":false,"narOffset":624,"size":0,"type":"regular"},"#
                    + #""c":{"target":"x","type":"symlink"}},"type":"directory"}"#,
            ]
        )
    }

    @Test func sizeOfTheNARIsReckoned() throws {
        var random = SeededRandom(seed: 3)
        for _ in 0..<20 {
            let nar = Tree.random(using: &random).nar
            var builder = NARListingBuilder()
            for case .event(let event) in try readNAR(nar) { builder.take(event) }
            #expect(builder.narSizeBytes == UInt64(nar.count))
        }
    }

    private static let refused: [(String, NARListing.ParseError)] = [
        (#"{}"#, NARListing.ParseError.invalidJSON(.missingField(name: "type", byteOffset: 0))),
        (#"{"type":"fifo"}"#, .unknownType(Array("fifo".utf8), byteOffset: 0)),
        (
            #"{"type":"regular"}"#,
            .invalidJSON(.missingField(name: "size", byteOffset: 0))
        ),
        (
            #"{"type":"directory"}"#,
            .invalidJSON(.missingField(name: "entries", byteOffset: 0))
        ),
        (
            #"{"type":"directory","entries":{"..":{"type":"regular","size":1}}}"#,
            .invalidName(Array("..".utf8), byteOffset: 36)
        ),
        (
            #"{"type":"directory","entries":{"b":{"entries":{},"type":"directory"},"a":{}}}"#,
            .unsortedName([0x61], byteOffset: 73)
        ),
        (
            #"{"type":"symlink","type":"symlink"}"#,
            .invalidJSON(.duplicateField(name: "type", byteOffset: 25))
        ),
        (
            #"{"type":"symlink","target":"x"} 1"#,
            .invalidJSON(.unexpectedByte(0x31, byteOffset: 32))
        ),
    ]

    @Test(arguments: refused)
    func whatIsNoListingIsRefused(_ text: String, _ expected: NARListing.ParseError) {
        #expect(throws: expected) { try NARListing(parsingRoot: Array(text.utf8)) }
    }

    @Test func otherVersionsAreRefused() {
        let text = #"{"root":{"type":"symlink","target":"x"},"version":2}"#
        #expect(throws: NARListing.ParseError.unsupportedVersion(2, byteOffset: 52)) {
            try NARListing(parsing: Array(text.utf8))
        }
    }

    @Test func cutAnywhereIsRefused() throws {
        let whole = try Fixture.bytes("nix/nar/not-utf8.type-first.json")
        for length in 0..<whole.count {
            #expect(throws: NARListing.ParseError.self) {
                try NARListing(parsingRoot: Array(whole[..<length]))
            }
        }
    }

    @Test func nestingIsLimited() {
        let level = #"{"type":"directory","entries":{"a":"#
        let text = String(repeating: level, count: 100_000)
        #expect(throws: NARListing.ParseError.self) {
            try NARListing(parsingRoot: Array(text.utf8))
        }
    }
}
