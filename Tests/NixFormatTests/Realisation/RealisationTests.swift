// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct RealisationTests {
    static let all = ["nix/realisations", "nix-newer"].flatMap {
        (try? Fixture.paths(in: $0, ending: ".doi")) ?? []
    }

    @Test(arguments: all) func realisationOfNixComesBack(_ file: String) throws {
        let bytes = try Fixture.bytes(file)
        let realisation = try Realisation(parsing: bytes)
        #expect(realisation.write() == bytes)
        #expect(file.hasSuffix("/\(realisation.id).doi"))
        let secret = try SecretKey(parsing: try Fixture.text("nix/key.secret"))
        #expect(realisation.signatures == [secret.sign(realisation.fingerprint)])
    }

    @Test func thereIsOneWithDependencies() throws {
        let realisations = try Self.all.map { try Realisation(parsing: try Fixture.bytes($0)) }
        #expect(realisations.map(\.dependentRealisations.count).sorted() == [0, 0, 1])
    }

    @Test func unknownFieldsArePassedOver() throws {
        let hex = String(repeating: "0", count: 64)
        let path = "00000000000000000000000000000000-x"
        let text = """
            { "future": [1, -2.5e3, null, {"a": true, "b": "\\ud83d\\ude00"}], "id": "sha256:\(hex)!out",
              "outPath": "\(path)" }
            """
        let realisation = try Realisation(parsing: Array(text.utf8))
        #expect(realisation.id.outputName == "out")
        #expect(realisation.outPath.description == path)
        #expect(realisation.signatures.isEmpty)
    }

    private static let refused: [(String, JSONParseError)] = [
        ("", .unexpectedEnd(byteOffset: 0)),
        ("[]", .unexpectedByte(0x5B, byteOffset: 0)),
        ("{}", .missingField(name: "id", byteOffset: 0)),
        ("{}x", .unexpectedByte(0x78, byteOffset: 2)),
        (#"{"a":1,"a":1}"#, .duplicateField(name: "a", byteOffset: 11)),
        (#"{"a":1,}"#, .unexpectedByte(0x7D, byteOffset: 7)),
        (#"{"a" 1}"#, .unexpectedByte(0x31, byteOffset: 5)),
        (#"{"a":"\x"}"#, .invalidEscape(byteOffset: 6)),
        (#"{"a":"\ud800"}"#, .invalidEscape(byteOffset: 6)),
        (#"{"a":tru}"#, .unexpectedByte(0x7D, byteOffset: 8)),
        (#"{"a":1e}"#, .invalidNumber(byteOffset: 5)),
        (#"{"outPath":1}"#, .unexpectedByte(0x31, byteOffset: 11)),
    ]

    @Test(arguments: refused)
    func whatIsNoSuchJSONIsRefused(_ text: String, _ expected: JSONParseError) {
        #expect(throws: RealisationParseError.invalidJSON(expected)) {
            try Realisation(parsing: Array(text.utf8))
        }
    }

    @Test func endlessNestingIsRefused() {
        let text = #"{"a":"# + String(repeating: "[", count: 100_000)
        #expect(throws: RealisationParseError.self) { try Realisation(parsing: Array(text.utf8)) }
    }

    @Test func idsAreChecked() {
        #expect(throws: DerivationOutputID.ParseError.missingSeparator) {
            try DerivationOutputID(parsing: "sha256:00")
        }
        let hex = String(repeating: "0", count: 64)
        #expect(throws: DerivationOutputID.ParseError.invalidOutputName("../x")) {
            try DerivationOutputID(parsing: "sha256:\(hex)!../x")
        }
        #expect(throws: DerivationOutputID.ParseError.invalidHash(.missingAlgorithm)) {
            try DerivationOutputID(parsing: "0!out")
        }
    }
}
