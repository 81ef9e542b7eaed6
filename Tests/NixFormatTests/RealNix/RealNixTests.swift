// SPDX-License-Identifier: Apache-2.0

import Foundation
import NixFormat
import Testing

/// The same bytes and the same verdicts as the `nix` of this machine, in both directions.
@Suite(.enabled(if: NixCommand.isInstalled)) struct RealNixTests {
    @Test(arguments: 0..<3) func narAndListingOfARandomTreeAreThoseOfNix(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed) + 100)
        let tree = Tree.directory([
            Tree.Entry(name: [0x61], node: .random(using: &random)),
            Tree.Entry(name: [0x62], node: .random(using: &random)),
        ])
        try NixCommand.with { nix in
            try tree.write(to: Array(nix.path("tree").utf8))
            let nar = try nix.run("nix-store", "--dump", "tree")
            #expect(nar == tree.nar)
            try Data(nar).write(to: nix.directory.appending(path: "tree.nar"))
            // Versions after this one list no names that are not UTF-8.
            if try NixCommand.version() <= (2, 12) {
                let json = try nix.run("nix", "nar", "ls", "--json", "-R", "tree.nar", "/")
                #expect(json == (try listNAR(nar)).rootJSON(.typeFirst))
            }
        }
    }

    @Test func listingHasTheFormOfTheVersion() throws {
        let nar = try Fixture.bytes("nix/nar/tree.nar")
        try NixCommand.with { nix in
            try Data(nar).write(to: nix.directory.appending(path: "tree.nar"))
            let json = try nix.run("nix", "nar", "ls", "--json", "-R", "tree.nar", "/")
            let form: NARListing.JSONForm =
                switch try NixCommand.version() {
                case (...2, ...12): .typeFirst
                case (...2, ...34): .sorted
                default: .sortedWithExecutable
                }
            #expect(json.trimmed == (try listNAR(nar)).rootJSON(form))
        }
    }

    @Test func nixUnpacksWhatWeWrite() throws {
        var random = SeededRandom(seed: 200)
        let tree = Tree.directory([Tree.Entry(name: [0x61], node: .random(using: &random))])
        try NixCommand.with { nix in
            try Data(tree.nar).write(to: nix.directory.appending(path: "tree.nar"))
            try nix.run("sh", "-c", "nix-store --restore tree < tree.nar")
            #expect(try nix.run("nix-store", "--dump", "tree") == tree.nar)
        }
    }

    @Test func nixSignsWithOurKeyAsWeDo() throws {
        let key = try SecretKey.generate(name: "firn-test-1")
        try NixCommand.with { nix in
            let path = try nix.addPath(contents: "signed\n")
            try Data(key.secretText().utf8).write(to: nix.directory.appending(path: "key"))
            try nix.run(
                "nix",
                "--store",
                nix.path("root"),
                "store",
                "sign",
                "-k",
                "key",
                path.absolute
            )
            let nar = Tree.regular(contents: Array("signed\n".utf8), isExecutable: false).nar
            let info = path.narInfo(nar: nar)
            let signature = key.sign(info.fingerprint(in: .standard))
            let json = try nix.run(
                "nix",
                "--store",
                nix.path("root"),
                "path-info",
                "--json",
                "--sigs",
                path.absolute
            )
            let text = String(decoding: json, as: UTF8.self)
            #expect(text.replacing(#"\/"#, with: "/").contains(signature.description))
        }
    }

    @Test func nixTrustsWhatWeSignAndNothingElse() throws {
        let key = try SecretKey.generate(name: "firn-test-1")
        let other = try SecretKey.generate(name: "firn-test-1")
        try NixCommand.with { nix in
            let path = try nix.addPath(contents: "verified\n")
            let nar = Tree.regular(contents: Array("verified\n".utf8), isExecutable: false).nar
            var info = path.narInfo(nar: nar)
            info.signatures = [key.sign(info.fingerprint(in: .standard))]
            let cache = nix.directory.appending(path: "cache")
            try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
            let description = CacheInfo(
                storeDirectory: .standard,
                wantsMassQuery: true,
                priority: 30
            )
            try Data(description.write()).write(to: cache.appending(path: "nix-cache-info"))
            try Data(info.write(in: .standard))
                .write(to: cache.appending(path: "\(path.storePath.hash).narinfo"))
            try Data(nar).write(to: cache.appending(path: "\(path.storePath.hash).nar"))
            func verify(_ trusted: PublicKey) throws {
                try nix.run(
                    "nix",
                    "store",
                    "verify",
                    "--store",
                    "file://\(cache.path)",
                    "--option",
                    "trusted-public-keys",
                    trusted.description,
                    path.absolute
                )
            }
            try verify(key.publicKey)
            #expect(throws: NixCommand.Failed.self) { try verify(other.publicKey) }
        }
    }

    @Test func keysOfNixAndOursAreTheSame() throws {
        try NixCommand.with { nix in
            try nix.run(
                "nix-store",
                "--generate-binary-cache-key",
                "made-by-nix",
                "secret",
                "public"
            )
            let secret = try SecretKey(
                parsing: String(contentsOfFile: nix.path("secret"), encoding: .utf8)
            )
            let text = try String(contentsOfFile: nix.path("public"), encoding: .utf8)
            #expect(secret.publicKey.description == text)
            let ours = try SecretKey.generate(name: "made-by-firn")
            try Data(ours.secretText().utf8).write(to: nix.directory.appending(path: "ours"))
            let converted = try nix.run("sh", "-c", "nix key convert-secret-to-public < ours")
            #expect(converted.trimmed == Array(ours.publicKey.description.utf8))
        }
    }
}

private struct AddedPath {
    let absolute: String
    let storePath: StorePath

    func narInfo(nar: [UInt8]) -> NARInfo {
        NARInfo(
            storePath: storePath,
            url: "\(storePath.hash).nar",
            compression: .none,
            narHash: SHA256Hasher.hash(nar),
            narSizeBytes: UInt64(nar.count)
        )
    }
}

extension NixCommand {
    /// A path in the store below `root`, with these contents.
    fileprivate func addPath(contents: String) throws -> AddedPath {
        try Data(contents.utf8).write(to: directory.appending(path: "file"))
        let output = try run("nix-store", "--store", path("root"), "--add", "file")
        let absolute = String(decoding: output.trimmed, as: UTF8.self)
        let storePath = try StoreDirectory.standard.storePath(parsing: absolute)
        return AddedPath(absolute: absolute, storePath: storePath)
    }
}

extension [UInt8] {
    /// Without the newline at the end that some versions print.
    fileprivate var trimmed: [UInt8] { last == 0x0A ? Array(dropLast()) : self }
}
