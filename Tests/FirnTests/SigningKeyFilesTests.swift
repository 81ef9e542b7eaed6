// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc
import NixFormat
import Testing
import firn

@Suite struct SigningKeyFilesTests {
    private func files(
        _ keys: [String] = [],
        state: String,
        environment: [String: String] = [:]
    ) -> SigningKeyFiles {
        var configuration = FirnConfiguration(state: state)
        configuration.signing.keys = keys
        return SigningKeyFiles(configuration, environment: environment)
    }

    @Test func theFirstStartMakesAKeyAndTheSecondKeepsIt() async throws {
        try await withTemporaryDirectory { folder in
            let files = files(state: folder.path("a/state"))
            #expect(files.willMakeKey)
            let first = try files.loadOrMake(hostName: "p620.example.org")
            #expect(!files.willMakeKey)
            #expect(first.warnings.isEmpty)
            #expect(first.keys.map(\.name) == ["p620-firn-1"])
            let second = try files.loadOrMake(hostName: "renamed")
            #expect(second.keys.map(\.publicKey) == first.keys.map(\.publicKey))
            let published = folder.path("a/state/public-key")
            #expect(
                try String(contentsOfFile: published, encoding: .utf8)
                    == first.keys[0].publicKey.description
            )
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path("a/state"))
            #expect(left.sorted() == ["public-key", "secret-key"])
        }
    }

    @Test func startsAtTheSameTimeEndUpWithOneKey() async throws {
        try await withTemporaryDirectory { folder in
            let files = files(state: folder.path)
            let keys = try await withThrowingTaskGroup(of: PublicKey?.self) { group in
                for _ in 0..<8 {
                    group.addTask { try files.loadOrMake(hostName: "h").keys.first?.publicKey }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(keys.count == 1)
        }
    }

    @Test func aPublicKeyThatWasLostIsWrittenAgain() async throws {
        try await withTemporaryDirectory { folder in
            let files = files(state: folder.path)
            let key = try files.loadOrMake(hostName: "h").keys[0].publicKey
            for wrong in ["", "other-1:AAAA"] {
                try folder.write(wrong, to: "public-key")
                _ = try files.loadOrMake(hostName: "h")
                let published = folder.path("public-key")
                #expect(try String(contentsOfFile: published, encoding: .utf8) == key.description)
            }
        }
    }

    @Test func aMalformedKeyIsNeverReplaced() async throws {
        try await withTemporaryDirectory { folder in
            let file = try folder.write("half a ke", to: "secret-key", mode: 0o600)
            let files = files(state: folder.path)
            #expect(throws: KeyFileError.malformed(path: file, .missingColon)) {
                try files.loadOrMake(hostName: "h")
            }
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "half a ke")
        }
    }

    @Test func aPipeThatNothingComesOutOfIsNotWaitedForInVain() async throws {
        try await withTemporaryDirectory { directory in
            let pipe = directory.path("key")
            #expect(unsafe mkfifo(pipe, 0o600) == 0)
            #expect(throws: KeyFileError.self) { try SecretKeyFile.read(pipe) }
        }
    }

    @Test func aKeyThatEverybodyCanReadIsWarnedAbout() async throws {
        try await withTemporaryDirectory { folder in
            let text = try SecretKey.generate(name: "k-1").secretText()
            let open = try folder.write(text, to: "open", mode: 0o644)
            let group = try folder.write(text, to: "group", mode: 0o640)
            let outcome = try files([open, group], state: folder.path).load()
            #expect(outcome.keys.count == 2)
            #expect(
                outcome.warnings == [
                    "\(open): every user can read this secret key; chmod 600 \(open)"
                ]
            )
            let guarded = files(
                [open],
                state: "/",
                environment: ["CREDENTIALS_DIRECTORY": folder.path]
            )
            #expect(try guarded.load().warnings.isEmpty)
        }
    }

    @Test(arguments: [
        ("p620", "p620"), ("p620.lan", "p620"), ("a b:c", "abc"), ("", "host"), ("ü", "host"),
    ])
    func anyHostNameMakesAKeyName(_ hostName: String, _ label: String) {
        #expect(SigningKeyFiles.label(hostName) == label)
    }
}
