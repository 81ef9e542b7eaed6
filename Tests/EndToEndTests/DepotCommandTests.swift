// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// `firn gc` and `firn fsck`, beside a daemon and without one.
@Suite(.fewAtATime)
struct DepotCommandTests {
    private func firn(
        _ arguments: [String],
        _ environment: [String: String] = [:]
    ) async throws -> CommandOutcome {
        try await Command(
            FirnServer.programme,
            arguments,
            environment: Command.plainEnvironment.merging(environment) { $1 }
        ).run(deadline: .seconds(60))
    }

    /// A store of which everything is in a depot, and the depot's folder.
    private func withFilledDepot(
        _ body: (_ server: FirnServer, _ paths: [String], _ depot: String) async throws -> Void,
        thenStopped: (_ configuration: [String: String], _ depot: String) async throws -> Void
    ) async throws {
        try await withNixStore { store in
            var closure = SampleClosure.small
            closure.largeBytes = 6_000_000
            let paths = try await store.buildSmall(closure)
            try await withTemporaryDirectory { directory in
                let depot = directory.path("depot")
                var setup = ServerSetup(storeRoot: store.root)
                setup.compression = "zstd"
                setup.environment["FIRN_DEPOT_LOCATION"] = depot
                try await withServer(setup) { server in
                    try await server.compressAhead(paths, within: .seconds(120))
                    try await body(server, paths, depot)
                }
                let environment = [
                    "FIRN_DEPOT_LOCATION": depot, "FIRN_STORE_ROOT": store.root,
                    "FIRN_STATE": directory.path("state"),
                ]
                try await thenStopped(environment, depot)
            }
        }
    }

    private func objects(of depot: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(depot)/nar").sorted()
    }

    @Test func aCollectionIsDoneByTheDaemonOrWithoutIt() async throws {
        try await withFilledDepot { server, paths, depot in
            let all = try objects(of: depot)
            let config = ["--config", server.configurationPath]
            let plan = try await firn(["gc", "--dry-run", "--down-to", "0B"] + config)
            #expect(plan.status == 0, "\(plan)")
            #expect(try objects(of: depot) == all)
            let done = try await firn(["gc", "--down-to", "100kB"] + config)
            #expect(done.status == 0, "\(done)")
            #expect(try objects(of: depot).count < all.count)
            for path in paths { #expect(try await server.narInfoStatus(of: path) == 200) }
        } thenStopped: { environment, depot in
            let done = try await firn(["gc", "--down-to", "0B", "--json"], environment)
            #expect(done.status == 0, "\(done)")
            #expect(done.text.contains("\"freed-bytes\""))
            #expect(try objects(of: depot).isEmpty)
        }
    }

    @Test func aDamagedObjectIsFoundAndRemoved() async throws {
        try await withFilledDepot { server, _, depot in
            let refused = try await firn(
                ["fsck", "--config", server.configurationPath],
                ["FIRN_DEPOT_LOCATION": depot]
            )
            #expect(refused.status == 4, "\(refused)")
        } thenStopped: { environment, depot in
            let clean = try await firn(["fsck"], environment)
            #expect(clean.status == 0, "\(clean)")
            let name = try #require(try objects(of: depot).last)
            let file = try #require(FileHandle(forUpdatingAtPath: "\(depot)/nar/\(name)"))
            try file.seek(toOffset: 100)
            try file.write(contentsOf: [0x42, 0x42, 0x42])
            try file.close()
            let found = try await firn(["fsck"], environment)
            #expect(found.status == 1, "\(found)")
            #expect(found.text.contains("nar/\(name): is damaged"))
            #expect(found.errors.isEmpty)
            let mended = try await firn(["fsck", "--repair"], environment)
            #expect(mended.status == 0, "\(mended)")
            #expect(try !objects(of: depot).contains(name))
            #expect(try await firn(["fsck", "--json"], environment).status == 0)
        }
    }

    @Test func aLostCatalogIsMadeAgain() async throws {
        try await withFilledDepot { _, _, _ in
        } thenStopped: { environment, depot in
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: "\(depot)/catalog.sqlite\(suffix)")
            }
            let count = try objects(of: depot).count
            let outcome = try await firn(["fsck"], environment)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(outcome.text.contains("made again from \(count) objects"))
        }
    }

    @Test func aBoundThatWasLoweredTouchesNothingUntilItIsCollected() async throws {
        try await withFilledDepot { server, _, depot in
            // Beside the daemon that has the depot open, too.
            let refused = try await firn(
                ["serve", "--check", "--config", server.configurationPath],
                ["FIRN_DEPOT_LOCATION": depot, "FIRN_DEPOT_MAX_SIZE": "1MB"]
            )
            #expect(refused.status == 2, "\(refused)")
            #expect(refused.errors.contains("$FIRN_DEPOT_MAX_SIZE: depot.max-size is 1MB, but"))
        } thenStopped: { environment, depot in
            let all = try objects(of: depot)
            try await withTemporaryDirectory { directory in
                let file = try directory.write("\n[depot]\nmax-size = \"1MB\"\n", to: "firn.toml")
                for flags in [["--check"], []] {
                    let refused = try await firn(
                        ["serve", "--listen", "127.0.0.1:0", "--config", file] + flags,
                        environment
                    )
                    #expect(refused.status == 2, "\(refused)")
                    #expect(
                        refused.errors.hasPrefix(
                            "firn: \(file):3: depot.max-size is 1MB, but the depot \(depot) holds "
                        ),
                        "\(refused)"
                    )
                    #expect(refused.errors.split(separator: "\n").count == 1)
                    #expect(try objects(of: depot) == all)
                }
                let state = try #require(environment["FIRN_STATE"])
                #expect(!FileManager.default.fileExists(atPath: state))
                let enough = try await firn(
                    ["serve", "--check", "--config", file],
                    environment.merging(["FIRN_DEPOT_MAX_SIZE": "1GB"]) { $1 }
                )
                #expect(enough.status == 0, "\(enough)")
                // Without a catalog it is counted file by file.
                try FileManager.default.removeItem(atPath: "\(depot)/catalog.sqlite")
                let counted = try await firn(["serve", "--check", "--config", file], environment)
                #expect(counted.status == 2, "\(counted)")
                let collected = try await firn(["gc", "--config", file], environment)
                #expect(collected.status == 0, "\(collected)")
                #expect(try objects(of: depot).count < all.count)
            }
        }
    }

    @Test func aDepotOfANewerFirnIsLeftAlone() async throws {
        try await withFilledDepot { _, _, _ in
        } thenStopped: { environment, depot in
            let sql = "INSERT INTO grdb_migrations VALUES ('M999OfANewerFirn')"
            let catalog = "\(depot)/catalog.sqlite"
            try await Command("sqlite3", [catalog, sql]).run(deadline: .seconds(60))
                .requireSuccess()
            let all = try Self.everything(in: depot)
            let commands = [
                (["serve", "--check"], 2), (["serve", "--listen", "127.0.0.1:0"], 2), (["gc"], 2),
                (["fsck", "--repair"], 2),
            ]
            try await withTemporaryDirectory { directory in
                let file = try directory.write("[depot]\nlocation = \"\(depot)\"\n", to: "f")
                var environment = environment
                environment["FIRN_DEPOT_LOCATION"] = nil
                for (command, status) in commands {
                    let outcome = try await firn(command + ["--config", file], environment)
                    #expect(outcome.status == status, "\(command): \(outcome)")
                    #expect(
                        outcome.errors
                            == "firn: \(file):2: depot.location: the depot \(depot) was made by a "
                            + "newer Firn; use that one, or name another folder\n"
                    )
                    #expect(try Self.everything(in: depot) == all)
                }
            }
        }
    }

    /// All names in a depot, with the bytes of the catalog.
    private static func everything(in depot: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: depot) where name != "lock"
        {
            files[name] =
                name == "catalog.sqlite"
                ? try Data(contentsOf: URL(filePath: "\(depot)/\(name)")) : Data()
        }
        return files
    }
}
