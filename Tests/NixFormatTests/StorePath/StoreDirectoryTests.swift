// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct StoreDirectoryTests {
    private static let baseName = "d6s15qj78vic32grycqvmlz6smjyczgs-program-2.0"

    @Test func absolutePathComesBack() throws {
        let path = try StorePath(parsing: Self.baseName)
        for text in ["/nix/store", "/gnu/store", "/tmp/a b/store"] {
            let directory = try StoreDirectory(parsing: text)
            #expect(directory.path(of: path) == "\(text)/\(Self.baseName)")
            #expect(try directory.storePath(parsing: "\(text)/\(Self.baseName)") == path)
        }
        #expect(try StoreDirectory(parsing: "/nix/store") == .standard)
    }

    private static let refused: [(String, StoreDirectory.ParseError)] = [
        ("", .notAbsolute), ("nix/store", .notAbsolute),
        ("/", .notCanonical), ("/nix/store/", .notCanonical), ("//nix", .notCanonical),
        ("/nix/../store", .notCanonical), ("/./nix", .notCanonical),
        ("/nix;store", .invalidByte(byte: 0x3B, byteOffset: 4)),
        ("/nix\nstore", .invalidByte(byte: 0x0A, byteOffset: 4)),
    ]

    @Test(arguments: refused)
    func whatIsNoDirectoryIsRefused(_ text: String, _ expected: StoreDirectory.ParseError) {
        #expect(throws: expected) { try StoreDirectory(parsing: text) }
    }

    @Test(arguments: [
        "/nix/store", "/nix/storx/\(baseName)", "\(baseName)", "/nix/store\(baseName)", "",
        "/nix/stor",
    ])
    func pathsElsewhereAreRefused(_ text: String) {
        #expect(throws: StoreDirectory.PathError.outsideStore) {
            try StoreDirectory.standard.storePath(parsing: text)
        }
    }

    @Test func pathsInsideOfStorePathsAreRefused() {
        let expected = StorePath.ParseError.invalidNameByte(byte: 0x2F, byteOffset: 44)
        #expect(throws: StoreDirectory.PathError.invalidBaseName(expected)) {
            try StoreDirectory.standard.storePath(parsing: "/nix/store/\(Self.baseName)/bin")
        }
    }
}
