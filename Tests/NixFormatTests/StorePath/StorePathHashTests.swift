// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct StorePathHashTests {
    @Test func textAndBytesComeBack() throws {
        var random = SeededRandom(seed: 1)
        for _ in 0..<500 {
            let bytes = random.bytes(StorePathHash.byteCount)
            let text = NixBase32.encode(bytes)
            let hash = try StorePathHash(parsing: text)
            #expect(hash.description == text)
            #expect(hash.bytes == bytes)
            #expect(try StorePathHash(bytes: bytes) == hash)
            var written: [UInt8] = [0x21]
            hash.write(to: &written)
            #expect(written == [0x21] + Array(text.utf8))
        }
    }

    @Test func orderIsThatOfTheText() throws {
        var random = SeededRandom(seed: 2)
        let hashes = try (0..<200).map { _ in
            try StorePathHash(bytes: random.bytes(StorePathHash.byteCount))
        }
        #expect(hashes.sorted().map(\.description) == hashes.map(\.description).sorted())
    }

    @Test func substringsAreRead() throws {
        let name = "d6s15qj78vic32grycqvmlz6smjyczgs.narinfo"
        let hash = try StorePathHash(parsing: name.dropLast(8))
        #expect(hash.description == "d6s15qj78vic32grycqvmlz6smjyczgs")
    }

    @Test func whatIsNoHashIsRefused() {
        #expect(throws: StorePathHash.ParseError.wrongLength(actualBytes: 31)) {
            try StorePathHash(parsing: String(repeating: "0", count: 31))
        }
        #expect(throws: StorePathHash.ParseError.wrongLength(actualBytes: 19)) {
            try StorePathHash(bytes: Array(repeating: 0, count: 19))
        }
        for (offset, character) in ["e", "o", "t", "u", "A", "/", ".", "\0", "\u{7F}"].enumerated()
        {
            var characters = Array(repeating: "0", count: 32)
            characters[offset] = character
            let byte = Array(character.utf8)[0]
            let expected = StorePathHash.ParseError.invalidCharacter(byte: byte, byteOffset: offset)
            #expect(throws: expected) { try StorePathHash(parsing: characters.joined()) }
        }
    }

    @Test func asciiThatIsNoHashIsNil() {
        let long = String(repeating: "0", count: 33)
        let texts = ["", "0", long, String(repeating: "é", count: 16)]
        for text in texts {
            let hash = unsafe Array(text.utf8).withUnsafeBytes { unsafe StorePathHash(ascii: $0) }
            #expect(hash == nil)
        }
    }
}
