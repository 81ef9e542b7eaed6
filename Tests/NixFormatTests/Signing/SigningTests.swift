// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct SigningTests {
    @Test func keyFilesOfNixAreRead() throws {
        let secretText = try Fixture.text("nix/key.secret")
        let publicText = try Fixture.text("nix/key.public")
        let secret = try SecretKey(parsing: secretText)
        #expect(secret.name == "test-1")
        #expect(secret.publicKey == (try PublicKey(parsing: publicText)))
        #expect(secret.publicKey.description == publicText)
        #expect(secret.secretText() == secretText)
        #expect(try SecretKey(parsing: " \(secretText)\n\n").publicKey == secret.publicKey)
    }

    @Test func newKeysSignAndComeBack() throws {
        let key = try SecretKey.generate(name: "cache.example.org-1")
        let again = try SecretKey(parsing: key.secretText())
        let signature = again.sign([1, 2, 3])
        #expect(key.publicKey.verifies(signature, of: [1, 2, 3]))
        #expect(!key.publicKey.verifies(signature, of: [1, 2, 4]))
        #expect(try Signature(parsing: signature.description) == signature)
        #expect(signature == key.sign([1, 2, 3]))
    }

    @Test func signaturesUnderAnotherNameAreNotTheKeys() throws {
        let key = try SecretKey.generate(name: "a")
        let renamed = try Signature(keyName: "b", bytes: key.sign([]).bytes)
        #expect(!key.publicKey.verifies(renamed, of: []))
        let other = try SecretKey.generate(name: "a")
        #expect(!other.publicKey.verifies(key.sign([]), of: []))
    }

    @Test func secretsAreNotPrinted() throws {
        let text = try Fixture.text("nix/key.secret")
        let key = try SecretKey(parsing: text)
        var dumped = ""
        dump(key, to: &dumped)
        let printed = "\(key) \(String(reflecting: key)) \(dumped)"
        #expect(printed.contains("test-1"))
        #expect(!printed.contains(text.dropFirst(7).prefix(12)))
    }

    @Test func halvesThatDifferAreRefused() throws {
        let one = try SecretKey.generate(name: "a").secretText()
        let two = try SecretKey.generate(name: "a").secretText()
        let first = try Base64.decode(one.dropFirst(2)).prefix(32)
        let second = try Base64.decode(two.dropFirst(2)).suffix(32)
        #expect(throws: KeyTextError.publicHalfDiffers) {
            try SecretKey(parsing: "a:\(Base64.encode(Array(first + second)))")
        }
    }

    private static let refused: [(String, KeyTextError)] = [
        ("", .missingColon),
        ("name", .missingColon),
        (":AAAA", .emptyName),
        ("a b:AAAA", .invalidNameByte(byteOffset: 1)),
        ("a:AAAA", .wrongLength(expectedBytes: 32, actualBytes: 3)),
        ("a:AAA", .invalidBase64(.wrongLength(characters: 3))),
        ("a:A*AA", .invalidBase64(.invalidCharacter(byte: 0x2A, byteOffset: 1))),
    ]

    @Test(arguments: refused)
    func whatIsNoKeyIsRefused(_ text: String, _ expected: KeyTextError) {
        #expect(throws: expected) { try PublicKey(parsing: text) }
    }

    @Test func namesWithAColonCannotBeMade() {
        #expect(throws: KeyTextError.invalidNameByte(byteOffset: 1)) {
            try SecretKey.generate(name: "a:b")
        }
        #expect(throws: KeyTextError.emptyName) { try SecretKey.generate(name: "") }
    }
}
