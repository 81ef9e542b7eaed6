// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import NixStore
import Synchronization
import Testing

@Suite struct PathInfoTests {
    private static let deadline = Duration.seconds(20)

    @Test func aPathIsWhatNixSaysItIs() async throws {
        try await withNixStore { nix in
            let (dependency, dependent) = try await nix.addTwoFiles()
            let opened = try OpenedStore(nix)
            let info = try await opened.info(dependent)
            let nar = try await nix.nar(of: "/nix/store/\(dependent)")
            #expect(info.path == dependent)
            #expect(info.narHash == SHA256Hasher.hash(nar))
            #expect(info.narSizeBytes == UInt64(nar.count))
            #expect(info.references == [dependency])
            #expect(info.contentAddress?.hasPrefix("text:sha256:") == true)
            #expect(abs(Double(info.registeredAt) - Date().timeIntervalSince1970) < 3_600)
        }
    }

    @Test func anUnknownHashIsAbsent() async throws {
        try await withNixStore { nix in
            let (dependency, _) = try await nix.addTwoFiles()
            let opened = try OpenedStore(nix)
            for text in [
                "00000000000000000000000000000000", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
                String(dependency.hash.description.dropLast() + "0"),
            ] {
                let hash = try StorePathHash(parsing: text)
                #expect(try await opened.store.findPathInfo(hash, deadline: Self.deadline) == nil)
            }
        }
    }

    @Test(arguments: ["NULL", "0", "-1", "'many'"])
    func aPathWithoutASizeIsAbsentAndCounted(size: String) async throws {
        try await withOpenedStore {
            try await $0.addTwoFiles().dependent
        } _: { opened, path in
            try opened.change("UPDATE ValidPaths SET narSize = \(size)")
            let store = opened.store
            for _ in 0..<2 {
                #expect(try await store.findPathInfo(path.hash, deadline: Self.deadline) == nil)
            }
            #expect(store.counters.rowsWithoutSize.load(ordering: .relaxed) == 2)
            #expect(opened.log.messages.count == 1)
        }
    }

    @Test(arguments: ["hash = 'sha256:nonsense'", "path = path || '/etc/passwd'"])
    func aRowThatNixWouldNotWriteIsAnError(change: String) async throws {
        try await withOpenedStore {
            try await $0.addTwoFiles().dependent
        } _: { opened, path in
            try opened.change("UPDATE ValidPaths SET \(change) WHERE path LIKE '%\(path)'")
            await #expect(throws: LocalStoreError.self) {
                try await opened.store.findPathInfo(path.hash, deadline: Self.deadline)
            }
        }
    }

    @Test func arrivalsComeInTheOrderOfTheirIDs() async throws {
        try await withNixStore { nix in
            let (first, second) = try await nix.addTwoFiles()
            let opened = try OpenedStore(nix)
            let store = opened.store
            let all = try await store.arrivals(after: 0, limit: 10, deadline: Self.deadline)
            #expect(all.map(\.path) == [first, second])
            let newest = try await store.newestID(deadline: Self.deadline)
            #expect(newest == all.last?.id)
            #expect(
                try await store.arrivals(after: newest, limit: 9, deadline: Self.deadline).isEmpty
            )
            let one = try await store.arrivals(after: 0, limit: 1, deadline: Self.deadline)
            #expect(one.map(\.path) == [first])
        }
    }

    @Test func changesAreNoticed() async throws {
        try await withOpenedStore {
            try await $0.addTwoFiles().dependent
        } _: { opened, _ in
            try await opened.whileRunning {
                try await wait(for: "a first look") { opened.store.changeCount > 0 }
                let before = opened.store.changeCount
                _ = try await opened.nix.addText("late")
                try await wait(for: "the change") {
                    opened.store.changeCount > before
                }
            }
        }
    }

    // MARK: Content-addressed outputs

    @Test func realisationsOfTheOlderSchemeAreFound() async throws {
        try await withOpenedStore {
            try await $0.addTwoFiles().dependent
        } _: { opened, path in
            let hash = SHA256Hasher.hash([1])
            let id = try DerivationOutputID(derivationHash: hash, outputName: "out")
            let other = try DerivationOutputID(derivationHash: hash, outputName: "dev")
            let store = opened.store
            #expect(try await store.findRealisation(id, deadline: Self.deadline) == nil)
            let row = "(SELECT id FROM ValidPaths WHERE path LIKE '%\(path)')"
            let signature = "key:" + Data(repeating: 1, count: 64).base64EncodedString()
            try opened.change(
                """
                CREATE TABLE IF NOT EXISTS Realisations (id integer primary key, drvPath text,
                    outputName text, outputPath integer, signatures text);
                CREATE TABLE IF NOT EXISTS RealisationsRefs
                    (referrer integer, realisationReference integer);
                INSERT INTO Realisations VALUES
                    (1, '\(hash.text(.base16))', 'out', \(row), '\(signature)'),
                    (2, '\(hash.text(.base16))', 'dev', \(row), NULL);
                INSERT INTO RealisationsRefs VALUES (1, 2);
                """
            )
            let found = try #require(await store.findRealisation(id, deadline: Self.deadline))
            #expect(found.id == id)
            #expect(found.outPath == path)
            #expect(found.signatures.map(\.description) == [signature])
            #expect(found.dependentRealisations == [other: path])
        }
    }

    @Test func realisationsOfTheNewerSchemeAreFound() async throws {
        try await withOpenedStore {
            try await $0.addTwoFiles().dependent
        } _: { opened, path in
            let store = opened.store
            func find() async throws -> BuildTraceEntry? {
                try await store.findBuildTraceEntry(
                    derivation: path,
                    output: "out",
                    deadline: Self.deadline
                )
            }
            // Before Nix 2.35 there is no such table, so no such entry.
            #expect(try await find() == nil)
            try opened.change(
                """
                CREATE TABLE IF NOT EXISTS BuildTraceV3 (id integer primary key, drvPath text,
                    outputName text, outputPath text, signatures text);
                INSERT INTO BuildTraceV3 VALUES (1, '\(path)', 'out', '/nix/store/\(path)', '');
                """
            )
            #expect(try await find()?.outPath == path)
        }
    }
}
