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
        try await withFilledDepot { _, _, _ in
        } thenStopped: { environment, depot in
            let all = try objects(of: depot)
            let tight = environment.merging(["FIRN_DEPOT_MAX_SIZE": "1MB"]) { $1 }
            let refused = try await firn(["serve", "--listen", "127.0.0.1:0"], tight)
            #expect(refused.status == 2, "\(refused)")
            #expect(refused.errors.contains("more than the 1000000 of max-size"))
            #expect(try objects(of: depot) == all)
            #expect(try await firn(["gc"], tight).status == 0)
            #expect(try objects(of: depot).count < all.count)
        }
    }
}
