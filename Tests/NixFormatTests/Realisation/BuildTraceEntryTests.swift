// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct BuildTraceEntryTests {
    private static let path = "d6s15qj78vic32grycqvmlz6smjyczgs-realised"

    private static func entry(_ text: String) throws -> BuildTraceEntry {
        try BuildTraceEntry(
            parsing: Array(text.utf8),
            derivation: try StorePath(parsing: "\(path).drv"),
            outputName: "out"
        )
    }

    @Test func signaturesAreReadInBothForms() throws {
        let key = try SecretKey(parsing: try Fixture.text("nix/key.secret"))
        let signature = key.sign([1])
        let base64 = Base64.encode(signature.bytes)
        let object = #"{"keyName":"test-1","sig":"\#(base64)"}"#
        let text = #"{"outPath":"\#(Self.path)","signatures":["\#(signature)",\#(object)]}"#
        let entry = try Self.entry(text)
        #expect(entry.signatures == [signature, signature])
    }

    @Test func fileIsWrittenAsNixDoes() throws {
        var entry = try Self.entry(#"{"signatures":[],"outPath":"\#(Self.path)"}"#)
        let unsigned = #"{"outPath":"\#(Self.path)","signatures":[]}"#
        #expect(String(decoding: entry.write(), as: UTF8.self) == unsigned)
        let bytes = [UInt8](repeating: 0, count: 64)
        entry.signatures = [try Signature(keyName: "k", bytes: bytes)]
        let signed = #"{"keyName":"k","sig":"\#(Base64.encode(bytes))"}"#
        let expected = #"{"outPath":"\#(Self.path)","signatures":[\#(signed)]}"#
        #expect(String(decoding: entry.write(), as: UTF8.self) == expected)
        #expect(try Self.entry(expected) == entry)
    }

    @Test func fingerprintHasTheKeyThatTheFileLeavesOut() throws {
        let entry = try Self.entry(#"{"outPath":"\#(Self.path)"}"#)
        let key = #"{"drvPath":"\#(Self.path).drv","outputName":"out"}"#
        let expected = #"{"key":\#(key),"value":{"outPath":"\#(Self.path)"}}"#
        #expect(String(decoding: entry.fingerprint, as: UTF8.self) == expected)
    }

    @Test func outputNamesThatArePathsAreRefused() throws {
        let derivation = try StorePath(parsing: "\(Self.path).drv")
        #expect(throws: RealisationParseError.self) {
            try BuildTraceEntry(parsing: [], derivation: derivation, outputName: "a/b")
        }
    }
}
