// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import Testing

/// `examples/fleet` as it is, on four machines, by the real `just`.
///
/// The public caches of its `firn.toml` are not reachable there, as they are not on a train.
@Suite(.fewAtATime, .enabled(if: Just.path != nil, "scripts/just fetched none"))
struct ExampleFleetTests {
    @Test func theDaysRecipesDoWhatTheirNamesSay() async throws {
        try await withExample { example in
            let samsung = example.fleet["samsung"]
            let before = try await example.state("samsung")

            // A host that is looked at is not touched.
            try await example.just("validate-quick")
            #expect(try await example.state("samsung") == before)

            // Built on the builder, and nowhere else.
            try await example.just("build-on-p620", "samsung")
            #expect(try await example.state("samsung") == before)
            #expect(try await example.fleet["p620"].sh("ls /nix/store").contains("system-samsung"))

            try await example.just("samsung-deploy")
            let after = try await example.state("samsung")
            #expect(after.running.hasSuffix("-nixos-system-samsung"))
            #expect(after.running == after.profile && after.running == after.boots)

            let receipts = try await example.receipts()
            let receipt = try #require(receipts.last)
            #expect(receipt.host == "samsung" && receipt.outcome == .done)
            #expect(receipt.newPath == after.running && receipt.oldPath == before.running)
            let share = try #require(receipt.pull?.tiers.first)
            #expect(share.name == "p620" && share.paths == 3)
            #expect(receipt.pull?.unfetchedPaths == 0)
            #expect(receipt.deployerBytes.map { $0 < 65_536 } == true)
            #expect(receipt.use.map { $0.cpuSeconds > 0 } == true)
            // The same is with the host.
            let kept = try await samsung.sh("cat /var/lib/firn-deployments/receipts.jsonl")
            #expect(try FirnJSON.parse(kept.utf8, as: Receipt.self).id == receipt.id)

            // The rest; what is there already is not done again.
            try await example.just("quick-all")
            for name in ["p620", "samsung", "razer", "p510"] {
                let systems = try await example.state(name)
                #expect(systems.running.hasSuffix("-nixos-system-\(name)"))
                #expect(systems.running == systems.profile && systems.running == systems.boots)
            }
            #expect(try await example.state("samsung") == after)
            let second = try await example.receipts().filter { $0.host == "samsung" }
            #expect(second.map(\.outcome).suffix(2) == [.done, .unchanged])
        }
    }

    @Test func theWeeksRecipesChangeAllAndGoBackOnOne() async throws {
        try await withExample { example in
            try await example.just("quick-all")
            let after = try await example.state("samsung")
            #expect(after.running == after.profile)

            // A change, to all at once, and back on one.
            try example.change("greeting = good morning")
            try await example.just("deploy-all-parallel")
            let changed = try await example.state("samsung")
            #expect(changed.running != after.running && changed.running == changed.profile)
            try await example.just("rollback", "samsung")
            #expect(try await example.state("samsung") == after)
            try await example.just("update-flake")
            try await example.just("quick-deploy", "samsung")
            #expect(try await example.state("samsung") == changed)
            let report = try await example.just("report")
            #expect(report.text.contains("via builder"), "\(report.text)")
        }
    }

    @Test func everyRecipeIsThere() async throws {
        let just = try #require(Just.path)
        let file = ExampleFleet.source + "/justfile"
        let outcome = try await Command(just, ["--justfile", file, "--summary"])
            .run(deadline: .seconds(60)).requireSuccess()
        let recipes = Set(outcome.text.split(separator: " ").map(String.init))
        let promised: Set<String> = [
            "samsung-deploy", "quick-deploy", "quick-all", "deploy-all-parallel", "build-on-p620",
            "deploy-via-p620", "build-all-parallel", "validate-quick", "update-flake", "p620",
            "samsung", "razer", "p510",
        ]
        #expect(promised.subtracting(recipes).isEmpty)
    }
}

/// Where `scripts/just` leaves what it fetched, unless the machine has its own.
enum Just {
    static var path: String? {
        let environment = ProcessInfo.processInfo.environment
        let caches = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "/root")/.cache"
        let own = environment["FIRN_JUST"] ?? "\(caches)/firn/just"
        let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (folders + ["\(own)/bin"]).map { "\($0)/just" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
