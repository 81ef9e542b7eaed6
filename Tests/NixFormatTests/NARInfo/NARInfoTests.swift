// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

@Suite struct NARInfoTests {
    static let all = ["nix/cache", "nix-newer"].flatMap {
        (try? Fixture.paths(in: $0, ending: ".narinfo")) ?? []
    }

    @Test func thereAreVectors() { #expect(Self.all.count > 5) }

    @Test(arguments: all) func narinfoOfNixComesBack(_ file: String) throws {
        let bytes = try Fixture.bytes(file)
        let info = try NARInfo(parsing: bytes, storeDirectory: .standard)
        #expect(info.write(in: .standard) == bytes)
        #expect(info.text(in: .standard) == (try Fixture.text(file)))
        #expect(info.unknownFields.isEmpty)
    }

    @Test(arguments: all) func signatureOfNixIsThatOfTheFingerprint(_ file: String) throws {
        let info = try NARInfo(parsing: try Fixture.bytes(file), storeDirectory: .standard)
        let secret = try SecretKey(parsing: try Fixture.text("nix/key.secret"))
        let fingerprint = info.fingerprint(in: .standard)
        #expect(info.signatures == [secret.sign(fingerprint)])
        #expect(secret.publicKey.verifies(info.signatures[0], of: fingerprint))
    }

    @Test func fieldsAreThoseOfTheText() throws {
        let info = try NARInfo(
            parsing: try Fixture.bytes("nix/cache/apkcm8a0ixdwxwxxh6974jmnzdz82djz.narinfo"),
            storeDirectory: .standard
        )
        #expect(info.storePath.name == "realised")
        #expect(info.compression == .none)
        #expect(info.fileHash == info.narHash)
        #expect(info.fileSizeBytes == info.narSizeBytes)
        #expect(info.references.map(\.name) == ["below"])
        #expect(info.deriver?.isDerivation == true)
        #expect(info.contentAddress == "fixed:r:\(info.narHash)")
    }

    @Test func whatOthersLeaveOutIsAbsent() throws {
        let info = try NARInfo(parsing: Self.minimal(), storeDirectory: .standard)
        #expect(info.compression == .bzip2)
        #expect(info.fileHash == nil)
        #expect(info.fileSizeBytes == nil)
        #expect(info.deriver == nil)
        #expect(info.references.isEmpty)
        #expect(info.contentAddress == nil)
    }

    @Test(arguments: [
        "nar/abc.nar.xz", "https://elsewhere.example/x?y=z:1#f", "../up", "nar/ü",
    ])
    func urlIsOpaque(_ url: String) throws {
        let text = Self.minimal(url: url)
        let info = try NARInfo(parsing: text, storeDirectory: .standard)
        #expect(info.url == url)
        #expect(info.text(in: .standard).contains("\nURL: \(url)\n"))
    }

    @Test func unknownFieldsAndSignaturesArePassedOn() throws {
        let text = Self.minimal(more: "Future: yes: it is\nSig: post-quantum\nEmpty:\n")
        let info = try NARInfo(parsing: text, storeDirectory: .standard)
        let expected = [("Future", "yes: it is"), ("Sig", "post-quantum"), ("Empty", "")]
        #expect(info.unknownFields == expected.map { NARInfo.Field(name: $0.0, value: $0.1) })
        let again = try NARInfo(parsing: info.write(in: .standard), storeDirectory: .standard)
        #expect(again == info)
    }

    @Test func unknownDeriverIsNone() throws {
        let text = Self.minimal(more: "Deriver: unknown-deriver\n")
        #expect(try NARInfo(parsing: text, storeDirectory: .standard).deriver == nil)
    }

    @Test(arguments: NARCompression.allNamed + [.unrecognised("zpaq")])
    func compressionComesBack(_ compression: NARCompression) throws {
        #expect(NARCompression(parsing: compression.description) == compression)
        let text = Self.minimal(more: "Compression: \(compression)\n")
        let info = try NARInfo(parsing: text, storeDirectory: .standard)
        #expect(info.compression == compression)
        #expect(info.text(in: .standard).contains("\nCompression: \(compression)\n"))
    }

    @Test func fingerprintSortsReferences() throws {
        let a = try StorePath(parsing: "00000000000000000000000000000000-a")
        let b = try StorePath(parsing: "00000000000000000000000000000000-b")
        let hash = SHA256Hasher.hash([])
        let bytes = PathFingerprint.bytes(
            storePath: b,
            narHash: hash,
            narSizeBytes: 7,
            references: [b, a, b],
            in: .standard
        )
        let expected = "1;/nix/store/\(b);\(hash);7;/nix/store/\(a),/nix/store/\(b)"
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    static let hash = String(repeating: "0", count: 52)
    static let path = "00000000000000000000000000000000-x"

    static func minimal(url: String = "nar/x.nar", more: String = "") -> String {
        "StorePath: /nix/store/\(path)\nURL: \(url)\nNarHash: sha256:\(hash)\nNarSize: 120\n\(more)"
    }
}
