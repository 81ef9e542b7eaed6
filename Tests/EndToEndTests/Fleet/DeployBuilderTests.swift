// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import Testing

/// What a builder is for: also when it is away, and long after a deploy.
@Suite(.fewAtATime) struct DeployBuilderTests {
    @Test func withoutItsBuilderAHostBuildsOnlyWhereItMay() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            let actions = try await samsung.actions()
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure()
            try await machines.builder.setCable(isIn: false)
            let away = try await machines.firn(["deploy", "samsung", "--json"])
            #expect(away.status == 5, "\(away.text)\n\(away.errors)")
            let first = try #require(try machines.reports(away)["samsung"])
            #expect(first.outcome == "unreachable")
            #expect(first.reason?.hasPrefix("the builder p620: ssh: ") == true)
            #expect(first.reason?.hasSuffix("deploy --via target or --via here") == true)
            try await machines.expect("samsung", runs: old)
            #expect(try await samsung.actions() == actions)
            #expect(try await machines.firn(["build", "samsung"]).status == 5)

            let own = try await machines.firn([
                "deploy", "samsung", "--allow-target-build", "--json",
            ])
            #expect(own.status == 0, "\(own.errors)")
            let second = try #require(try machines.reports(own)["samsung"])
            #expect(second.notes.contains { $0.hasSuffix("; the host builds for itself") })
            try await machines.expect("samsung", runs: try #require(second.wanted))
        }
    }

    @Test func withoutItsBuilderAHostTakesWhatAnotherTierHas() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            let system = FakeSystem("samsung", version: "2")
            try machines.want(system, on: "samsung")
            let desk = try await machines.serveToo(on: machines.desk)
            try machines.configure(tiers: desk)
            try await machines.builder.setCable(isIn: false)
            let nobody = try await machines.firn(["deploy", "samsung", "--json"])
            #expect(nobody.status == 5, "\(nobody.errors)")
            let report = try #require(try machines.reports(nobody)["samsung"])
            #expect(report.reason?.hasPrefix("the builder p620: ") == true)
            #expect(report.notes.contains { $0.contains("desk does not have it (404)") })

            let new = try await machines.desk.build(system)
            let found = try await machines.firn(["deploy", "samsung", "--json"])
            #expect(found.status == 0, "\(found.errors)")
            try await machines.expect("samsung", runs: new)
            let pull = try #require(try machines.reports(found)["samsung"]?.pull)
            #expect(pull.tiers.first { $0.name == "desk" }?.paths ?? 0 > 0)
        }
    }

    @Test func aBuilderThatSleepsIsWokenAndBuilds() async throws {
        try await withCommandFleet { machines in
            let (samsung, builder) = (machines.fleet["samsung"], machines.builder)
            try await samsung.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.duringBuild =
                "until [ -e /var/lib/fake-nixos/go ]; do /bin/sleep 0.2 || exit 1; done"
            try machines.want(system, on: "samsung")
            try machines.configure(builder: "mac = \"\(builder.mac)\"")
            try await builder.powerOff()
            let heard = try machines.fleet.directory.write("", to: "heard")
            let output = try #require(FileHandle(forWritingAtPath: heard))
            let card = try builder.listener("perl", ["-e", WakeTests.card, builder.mac])
                .start(output: output, errors: output)
            defer { card.send(signal: SIGKILL) }
            func hears(_ word: String) async throws {
                try await wait(for: word, within: .seconds(120)) {
                    try String(contentsOfFile: heard, encoding: .utf8).contains(word)
                }
            }
            try await hears("ready")
            async let deploying = machines.firn(["deploy", "samsung", "--json"])
            try await hears("woken")
            try await builder.powerOn()
            try await startFirn(on: builder)
            try await builder.sh(": >/var/lib/fake-nixos/go")
            let outcome = try await deploying
            #expect(outcome.status == 0, "\(outcome.errors)")
            let report = try #require(try machines.reports(outcome)["samsung"])
            try await machines.expect("samsung", runs: try #require(report.wanted))
            #expect(report.pull?.tiers.first { $0.name == "p620" }?.paths ?? 0 > 0)
        }
    }

    @Test func ofSeveralAddressesTheFirstThatAnswersIsUsed() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            // On this network nobody has the first.
            try machines.configure(
                ["samsung": "addresses = [\"10.90.0.250\", \"samsung.lan\", \"samsung\"]"],
                builder: "addresses = [\"10.90.0.250\", \"p620.lan\"]",
                urls: ["http://10.90.0.250:5000", "http://p620.lan:5000", "http://p620:5000"]
            )
            let outcome = try await machines.firn(["deploy", "samsung", "--json"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let report = try #require(try machines.reports(outcome)["samsung"])
            try await machines.expect("samsung", runs: try #require(report.wanted))
            #expect(report.pull?.tiers.first?.address == "http://p620.lan:5000")
        }
    }

    @Test func whatIsBuiltIsInTheBuildersCacheWhileTheRestStillBuilds() async throws {
        try await withCommandFleet { machines in
            var system = FakeSystem("samsung", version: "2")
            system.payloadKiB = 3_000
            system.duringBuild =
                "until [ -e /var/lib/fake-nixos/go ]; do /bin/sleep 0.2 || exit 1; done"
            try machines.want(system, on: "samsung")
            try machines.configure()
            async let building = machines.firn(["build", "samsung"])
            let builder = machines.builder
            let hasPayload = """
                payload=$(echo /nix/store/*-payload-2)
                payload=${payload#/nix/store/}
                curl -sf "http://p620:5000/${payload%%-*}.narinfo" | grep -q '^URL: .*\\.nar\\.zst$'
                """
            try await wait(for: "an object of the payload", within: .seconds(120)) {
                try await builder.command("sh", ["-c", hasPayload]).run(deadline: .seconds(30))
                    .status == 0
            }
            let ready = try await builder.sh("ls -d /nix/store/*-nixos-system-samsung-2 || true")
            #expect(ready.isEmpty)
            try await builder.sh(": >/var/lib/fake-nixos/go")
            let outcome = try await building
            #expect(outcome.status == 0, "\(outcome.text)\n\(outcome.errors)")
        }
    }

    @Test func collectionOnTheBuilderTakesNothingThatAHostCouldGoBackTo() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let builder = machines.builder
            try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.configure()
            var systems: [String] = []
            for version in ["2", "3"] {
                try machines.want(FakeSystem("samsung", version: version), on: "samsung")
                let outcome = try await machines.firn(["deploy", "samsung", "--json"])
                #expect(outcome.status == 0, "\(outcome.errors)")
                systems.append(try #require(try machines.reports(outcome)["samsung"]?.wanted))
            }
            let litter = try await builder.build(FakeSystem("nobody", version: "9"))
            // What the Firn there is packing just now stays until it is packed.
            let collect = "nix-store --gc >&2; ! nix-store --check-validity \"$1\" 2>/dev/null"
            try await wait(for: "what nobody needs to be gone", within: .seconds(120)) {
                try await builder.command("sh", ["-c", collect, "sh", litter])
                    .run(deadline: .seconds(60)).status == 0
            }
            try await builder.sh("\"$1\" gc --down-to 1KB >&2", [FirnServer.programme])
            // A laptop that lost all of it gets it again from there.
            let query = ["path-info", "--store", "http://p620:5000", "-r"]
            for system in systems {
                try await builder.run("nix-store", ["--check-validity", system])
                let answer = try await samsung.run("nix", query + [system])
                #expect(answer.lines.count > 1)
            }
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            let back = try await machines.firn(["deploy", "samsung"])
            #expect(back.status == 0, "\(back.errors)")
            try await machines.expect("samsung", runs: systems[0])
        }
    }
}
