// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct NARInfoRefusalTests {
    private static let path = NARInfoTests.path
    private static let hash = NARInfoTests.hash
    private static let end = NARInfoTests.minimal().utf8.count

    private static let refused: [(String, NARInfo.ParseError)] = [
        ("CA\n", .missingColon(byteOffset: end)),
        ("CA: x", .unterminatedLine(byteOffset: end)),
        ("\n", .missingColon(byteOffset: end)),
        ("URL: y\n", .duplicateField(name: "URL", byteOffset: end + 5)),
        ("NarSize: 1\n", .duplicateField(name: "NarSize", byteOffset: end + 9)),
        ("CA: x\nCA: x\n", .duplicateField(name: "CA", byteOffset: end + 10)),
        ("References: \nReferences: \n", .duplicateField(name: "References", byteOffset: end + 25)),
        (
            "Deriver: unknown-deriver\nDeriver: unknown-deriver\n",
            .duplicateField(name: "Deriver", byteOffset: end + 34)
        ),
        ("FileSize: -1\n", .invalidNumber(name: "FileSize", byteOffset: end + 10)),
        ("FileSize: \n", .invalidNumber(name: "FileSize", byteOffset: end + 10)),
        (
            "FileSize: 18446744073709551616\n",
            .invalidNumber(name: "FileSize", byteOffset: end + 10)
        ),
        ("FileHash: sha256\n", .invalidHash(.missingAlgorithm, byteOffset: end + 10)),
        (
            "Deriver: none\n",
            .invalidBaseName(
                .invalidHash(.invalidCharacter(byte: 0x6F, byteOffset: 1)),
                byteOffset: end + 9
            )
        ),
        (
            "References: \(path) /nix/store/\(path)\n",
            .invalidBaseName(
                .invalidHash(.invalidCharacter(byte: 0x2F, byteOffset: 0)),
                byteOffset: end + 47
            )
        ),
    ]

    @Test(arguments: refused)
    func linesThatNixRefusesAreRefused(_ more: String, _ expected: NARInfo.ParseError) {
        #expect(throws: expected) {
            try NARInfo(parsing: NARInfoTests.minimal(more: more), storeDirectory: .standard)
        }
    }

    @Test(arguments: ["StorePath", "URL", "NarHash", "NarSize"])
    func everyFieldThatNixNeedsIsNeeded(_ name: String) {
        let lines = NARInfoTests.minimal().split(separator: "\n").filter { !$0.hasPrefix(name) }
        #expect(throws: NARInfo.ParseError.missingField(name: name)) {
            let text = lines.map { "\($0)\n" }.joined()
            return try NARInfo(parsing: text, storeDirectory: .standard)
        }
    }

    @Test func sizeOfZeroIsRefused() {
        let text = "StorePath: /nix/store/\(Self.path)\nURL: x\nNarHash: sha256:\(Self.hash)\n"
        #expect(throws: NARInfo.ParseError.zeroNARSize) {
            try NARInfo(parsing: text + "NarSize: 0\n", storeDirectory: .standard)
        }
    }

    @Test func otherStoresAreRefused() throws {
        let directory = try StoreDirectory(parsing: "/gnu/store")
        let expected = NARInfo.ParseError.invalidStorePath(.outsideStore, byteOffset: 11)
        #expect(throws: expected) {
            try NARInfo(parsing: NARInfoTests.minimal(), storeDirectory: directory)
        }
    }

    @Test func bytesThatAreNoTextAreRefused() {
        let bytes = Array(NARInfoTests.minimal().utf8) + [0x58, 0x3A, 0x20, 0xFF, 0x0A]
        #expect(throws: NARInfo.ParseError.invalidUTF8(byteOffset: Self.end + 3)) {
            try NARInfo(parsing: bytes, storeDirectory: .standard)
        }
    }

    @Test func cutAnywhereButBetweenLinesIsRefused() throws {
        let whole = try Fixture.bytes("nix/cache/d6s15qj78vic32grycqvmlz6smjyczgs.narinfo")
        for length in 0..<whole.count where length == 0 || whole[length - 1] != 0x0A {
            #expect(throws: NARInfo.ParseError.self, "\(length) bytes") {
                try NARInfo(parsing: Array(whole[..<length]), storeDirectory: .standard)
            }
        }
    }
}
