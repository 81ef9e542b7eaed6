// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct NixHashTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let algorithm: HashAlgorithm
        let base16: String
        let nix32: String
        let base64: String
        let sri: String
        var testDescription: String { "\(algorithm) \(base16.prefix(8))" }

        static let all: [Vector] = {
            let lines = (try? Fixture.text("nix/hashes.txt")) ?? ""
            return lines.split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ").map(String.init)
                guard words.count == 5, let algorithm = HashAlgorithm(rawValue: words[0]) else {
                    return nil
                }
                return Vector(
                    algorithm: algorithm,
                    base16: words[1],
                    nix32: words[2],
                    base64: words[3],
                    sri: words[4]
                )
            }
        }()
    }

    @Test func thereAreVectorsForEveryAlgorithm() {
        #expect(Set(Vector.all.map(\.algorithm)) == Set(HashAlgorithm.allCases))
    }

    @Test(arguments: Vector.all) func allSpellingsOfNixAreTheSameHash(_ vector: Vector) throws {
        let name = vector.algorithm.rawValue
        let hash = try NixHash(parsing: vector.sri)
        #expect(try NixHash(parsing: "\(name):\(vector.base16)") == hash)
        #expect(try NixHash(parsing: "\(name):\(vector.nix32)") == hash)
        #expect(try NixHash(parsing: "\(name):\(vector.base64)") == hash)
        #expect(try NixHash(parsingDigest: vector.nix32, algorithm: vector.algorithm) == hash)
        #expect(hash.text(.base16) == "\(name):\(vector.base16)")
        #expect(hash.text(.nix32) == "\(name):\(vector.nix32)")
        #expect(hash.text(.base64) == "\(name):\(vector.base64)")
        #expect(hash.text(.sri) == vector.sri)
        #expect(hash.description == "\(name):\(vector.nix32)")
    }

    @Test func whatIsNoHashIsRefused() throws {
        let digits = String(repeating: "0", count: 52)
        #expect(throws: NixHash.ParseError.missingAlgorithm) { try NixHash(parsing: digits) }
        #expect(throws: NixHash.ParseError.unknownAlgorithm("sha3")) {
            try NixHash(parsing: "sha3:\(digits)")
        }
        #expect(throws: NixHash.ParseError.wrongLength(.sha256, actual: 51)) {
            try NixHash(parsing: "sha256:\(digits.dropLast())")
        }
        #expect(throws: NixHash.ParseError.wrongLength(.sha256, actual: 52)) {
            try NixHash(parsing: "sha256-\(digits)")
        }
        let invalid = BinaryTextError.invalidCharacter(byte: 0x75, byteOffset: 51)
        #expect(throws: NixHash.ParseError.invalidDigest(invalid)) {
            try NixHash(parsing: "sha256:\(digits.dropLast())u")
        }
        #expect(throws: NixHash.ParseError.wrongLength(.md5, actual: 3)) {
            try NixHash(algorithm: .md5, digest: [1, 2, 3])
        }
    }

    @Test func sha256OfPiecesIsThatOfTheWhole() throws {
        let regular = Array("hello\n".utf8)
        let expected = try #require(
            Vector.all.first { $0.algorithm == .sha256 && $0.base16.hasPrefix("5891b5b5") }
        )
        var hasher = SHA256Hasher()
        hasher.update(Array(regular.prefix(2)))
        let early = hasher.finalize()
        unsafe regular.dropFirst(2).withUnsafeBytes { unsafe hasher.update($0) }
        #expect(hasher.finalize() == (try NixHash(parsing: expected.sri)))
        #expect(early == SHA256Hasher.hash(Array("he".utf8)))
    }
}
