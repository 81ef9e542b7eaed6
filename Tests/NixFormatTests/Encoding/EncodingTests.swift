// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct EncodingTests {
    @Test(arguments: 0...70) func everyLengthComesBack(_ count: Int) throws {
        var random = SeededRandom(seed: UInt64(count))
        let bytes = random.bytes(count)
        #expect(try NixBase32.decode(NixBase32.encode(bytes)) == bytes)
        #expect(try Base16.decode(Base16.encode(bytes)) == bytes)
        #expect(try Base16.decode(Base16.encode(bytes).uppercased()) == bytes)
        #expect(try Base64.decode(Base64.encode(bytes)) == bytes)
    }

    @Test func base64IsThatOfTheRFC() {
        let vectors = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map {
            Base64.encode(Array($0.utf8))
        }
        #expect(vectors == ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"])
    }

    @Test func alphabetOfBase32LeavesOutFourLetters() {
        for character in UInt8(0)...127 {
            let text = "0000\(Character(Unicode.Scalar(character)))00"
            let isDigit = (0x30...0x39).contains(character)
            let isLetter = (0x61...0x7A).contains(character) && !"eotu".utf8.contains(character)
            // Seven digits stand for four bytes: those after the first may have any value.
            let decoded = try? NixBase32.decode(text)
            #expect((decoded != nil) == (isDigit || isLetter), "character \(character)")
        }
    }

    @Test func errorsTellWhere() {
        #expect(throws: BinaryTextError.invalidCharacter(byte: 0x65, byteOffset: 3)) {
            try NixBase32.decode("000e000")
        }
        #expect(throws: BinaryTextError.excessBits(byteOffset: 0)) {
            try NixBase32.decode("zzzzzzz")
        }
        #expect(throws: BinaryTextError.wrongLength(characters: 3)) {
            try NixBase32.decode("000")
        }
        #expect(throws: BinaryTextError.invalidCharacter(byte: 0x67, byteOffset: 1)) {
            try Base16.decode("0g")
        }
        #expect(throws: BinaryTextError.invalidCharacter(byte: 0x3D, byteOffset: 0)) {
            try Base64.decode("====")
        }
        #expect(throws: BinaryTextError.excessBits(byteOffset: 1)) { try Base64.decode("Zh==") }
        #expect(throws: BinaryTextError.wrongLength(characters: 2)) { try Base64.decode("Zg") }
    }
}
