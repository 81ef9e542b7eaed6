// SPDX-License-Identifier: Apache-2.0
import CacheService
import FirnTestSupport
import Foundation
import Logging
import NixFormat
import NixStore
import StoreTestSupport
import Testing

/// What the store in memory only claims, seen once with a store that Nix made.
@Suite struct RealStoreTests {
    private static let buildID = "abcdef0123456789abcdef0123456789abcdef01"

    private static let expression = """
        let
          make = name: script: derivation {
            inherit name script;
            system = builtins.currentSystem;
            builder = "/bin/sh";
            args = [ "-c" ". $scriptPath" ];
            PATH = "/usr/bin:/bin";
            passAsFile = [ "script" ];
          };
          debug = make "hello-debug" ''
            echo making symbols
            mkdir -p $out/lib/debug/.build-id/ab
            echo ELF > $out/lib/debug/.build-id/ab/\(buildID.dropFirst(2)).debug
          '';
          links = make "links" ''
            mkdir $out
            ln -s ${debug}/lib $out/lib
            ln -s /etc/passwd $out/passwd
            ln -s ../../../../../../../etc/passwd $out/up
            ln -s file $out/inner
            echo content > $out/file
          '';
        in [ debug links ]
        """

    private func withTier(
        _ body: (_ tier: StoreTier, _ debug: StorePath, _ links: StorePath, TemporaryNixStore)
            async throws -> Void
    ) async throws {
        try await withNixStore { nix in
            let paths = try await nix.build(Self.expression).map { path in
                try StoreDirectory.standard.storePath(parsing: path)
            }
            let workers = WorkerThreads(name: "test", threads: 2, maximumQueued: 100)
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let store = try NixLocalStore.open(
                NixStoreConfiguration(root: nix.root),
                workers: workers,
                logger: logger
            )
            let tier = StoreTier(
                store: store,
                depot: nil,
                keys: SigningKeys([try .generate(name: "test-1")]),
                configuration: StoreTier.Configuration(),
                workers: workers,
                logger: logger
            )
            try await body(tier, paths[0], paths[1], nix)
        }
    }

    @Test func symbolsAreFoundByBuildID() async throws {
        try await withTier { tier, debug, _, _ in
            let found = try #require(try await tier.resolveDebugInfo(buildID: Self.buildID))
            #expect(found.archive.hasPrefix("../nar/\(debug.hash)-"))
            #expect(found.member.hasSuffix(".build-id/ab/\(Self.buildID.dropFirst(2)).debug"))
            let absent = String(repeating: "0", count: 40)
            #expect(try await tier.resolveDebugInfo(buildID: absent) == nil)
        }
    }

    @Test func onlyWhatIsServedIsReachedThroughSymlinks() async throws {
        try await withTier { tier, debug, links, _ in
            func resolve(_ name: String) async throws -> FileAnswer? {
                try await tier.resolveFile(links.hash, [Array(name.utf8)])
            }
            guard case .elsewhere(debug, let components) = try await resolve("lib") else {
                Issue.record("a symlink to another path was not followed")
                return
            }
            #expect(components == [Array("lib".utf8)])
            guard case .file(let file, true, _) = try await resolve("inner") else {
                Issue.record("a symlink inside of the path was not followed")
                return
            }
            #expect(try file.read(0..<file.sizeBytes) == Array("content\n".utf8))
            #expect(try await resolve("passwd") == nil)
            #expect(try await resolve("up") == nil)
        }
    }

    @Test func theLogIsThereWhenEverythingElseIsGone() async throws {
        try await withTier { tier, debug, _, nix in
            let deriver = try await nix.run(
                "nix-store",
                ["--query", "--deriver", "/nix/store/\(debug)"]
            ).text
            let drv = try StoreDirectory.standard.storePath(parsing: deriver)
            let text = Array("making symbols\n".utf8)
            let byOutput = try #require(try await tier.resolveLog(debug))
            #expect(try byOutput.content.readToEnd() == text)
            try await nix.collectGarbage()
            try await wait(for: "path to be forgotten") {
                try await tier.resolveLog(debug) == nil
            }
            let byDerivation = try #require(try await tier.resolveLog(drv))
            #expect(try byDerivation.content.readToEnd() == text)
        }
    }

    @Test func aListingIsThatOfNix() async throws {
        try await withTier { tier, debug, _, nix in
            let listing = try #require(try await tier.resolveListing(debug.hash))
            let nar = try await nix.nar(of: "/nix/store/\(debug)")
            var parser = NARParser()
            var builder = NARListingBuilder()
            var position = 0
            while let event = try parser.next(in: nar, from: &position) { builder.take(event) }
            #expect(listing.text == builder.finish().documentJSON(.sorted))
        }
    }

    @Test func aStoreThatAnswersIsHealthy() async throws {
        try await withTier { tier, _, _, _ in
            let failing = await tier.checkHealth().filter { !$0.isPassing }
            #expect(failing == [])
            #expect(tier.statistics().databaseErrors == 0)
        }
    }

    @Test func aDatabaseThatIsGoneIsSaid() async throws {
        try await withTier { tier, debug, _, nix in
            try FileManager.default.removeItem(atPath: nix.databasePath)
            let failing = await tier.checkHealth().filter { !$0.isPassing }.map(\.name)
            #expect(failing == ["database"])
            await #expect(throws: CacheError.self) { try await tier.resolveListing(debug.hash) }
            #expect(tier.statistics().databaseErrors > 0)
        }
    }
}
