// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct StorePathTests {
    private static let hash = "d6s15qj78vic32grycqvmlz6smjyczgs"

    @Test(arguments: [
        "program-2.0", "a", "x+y_z?=.-", ".hidden", "...", "..a",
        String(repeating: "n", count: 211),
    ])
    func baseNameComesBack(_ name: String) throws {
        let path = try StorePath(parsing: "\(Self.hash)-\(name)")
        #expect(path.description == "\(Self.hash)-\(name)")
        #expect(path.name == name)
        #expect(path == (try StorePath(hash: path.hash, name: name)))
        #expect(!path.isDerivation)
    }

    @Test func derivationsAreKnownByTheirName() throws {
        #expect(try StorePath(parsing: "\(Self.hash)-hello.drv").isDerivation)
    }

    @Test func orderIsThatOfTheBaseName() throws {
        let names = [
            "\(Self.hash)-b", "\(Self.hash)-B", "\(Self.hash)-a-1", "\(Self.hash)-a",
            "00000000000000000000000000000000-z",
        ]
        let sorted = try names.map { try StorePath(parsing: $0) }.sorted().map(\.description)
        #expect(
            sorted == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        )
    }

    private static let refused: [(String, StorePath.ParseError)] = [
        ("", .invalidHash(.wrongLength(actualBytes: 0))),
        ("\(hash)", .missingDash),
        ("\(hash).narinfo", .missingDash),
        ("\(hash)-", .emptyName),
        ("\(hash)-.", .dotName),
        ("\(hash)-..", .dotName),
        ("\(hash)-.-x", .dotName),
        ("\(hash)-..-x", .dotName),
        ("\(hash)-a/b", .invalidNameByte(byte: 0x2F, byteOffset: 34)),
        ("\(hash)-a b", .invalidNameByte(byte: 0x20, byteOffset: 34)),
        ("\(hash)-\0", .invalidNameByte(byte: 0, byteOffset: 33)),
        ("\(hash)-é", .invalidNameByte(byte: 0xC3, byteOffset: 33)),
        ("\(hash)-\(String(repeating: "n", count: 212))", .nameTooLong(actualBytes: 212)),
    ]

    @Test(arguments: refused)
    func whatIsNoBaseNameIsRefused(_ text: String, _ expected: StorePath.ParseError) {
        #expect(throws: expected) { try StorePath(parsing: text) }
    }
}
