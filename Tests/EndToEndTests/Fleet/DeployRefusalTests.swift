// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// What stops before anything is touched, with one line of what to do.
@Suite(.fewAtATime) struct DeployRefusalTests {
    @Test func aDeployBehindWhatRunsTakesForce() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "0"))
            try machines.configure()
            let commit = """
                git -c user.name=a -c user.email=a@b -c init.defaultBranch=main "$@"
                """
            func git(_ words: String...) async throws {
                try await machines.desk.sh(commit, words)
            }
            try machines.want(FakeSystem("samsung", version: "1"), on: "samsung")
            try await git("init", "-q")
            try await git("add", "samsung.nix")
            try await git("commit", "-qm", "one")
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try await git("commit", "-qam", "two")
            let first = try await machines.firn(["deploy", "samsung"])
            #expect(first.status == 0, "\(first.errors)")
            let newest = try await samsung.systems().running

            try await git("checkout", "-q", "HEAD~1")
            let hosts = try await machines.firn(["hosts", "samsung"])
            #expect(hosts.text.contains("ahead"), "\(hosts.text)")
            let refused = try await machines.firn(["deploy", "samsung"])
            #expect(refused.status == 4)
            #expect(refused.text.contains("is later than what is deployed"), "\(refused.text)")
            try await machines.expect("samsung", runs: newest)
            let check = try await machines.firn(["check", "samsung"])
            #expect(check.status == 1)
            #expect(check.text.contains("fail  lineage: it runs revision "), "\(check.text)")

            let forced = try await machines.firn(["deploy", "samsung", "--force"])
            #expect(forced.status == 0, "\(forced.errors)")
            #expect(try await samsung.systems().running.hasSuffix("samsung-1"))
        }
    }

    @Test func mistakesAreToldInOneLineAndTouchNothing() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            let actions = try await samsung.actions()
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure(["samsung": "tags = [\"laptop\"]"])
            let misspelt = try await machines.firn(["deploy", "samsumg"])
            #expect(misspelt.status == 2)
            #expect(misspelt.errors.contains("did you mean \"samsung\"?"))
            try machines.configure(["samsung": "tags = [\"laptop\"]"], deploy: "via = \"builder\"")
            for command in ["deploy", "check"] {
                // p620 has nobody to build for it.
                let builder = try await machines.firn([command, "p620"])
                #expect(builder.status == (command == "deploy" ? 4 : 1), "\(builder.text)")
                #expect(builder.text.contains("no builder is named for it; write builder = "))
            }
            let tag = try await machines.firn(["deploy", "--on", "@lapto"])
            #expect(tag.status == 2)
            #expect(tag.errors.contains("did you mean \"@laptop\"?"))

            let home = "desk/home/samsung.nix"
            try machines.fleet.directory.write("let set = { };\nin set.module\n", to: home)
            let broken = try await machines.firn(["deploy", "samsung"])
            #expect(broken.status == 1)
            #expect(
                broken.text.contains("does not evaluate: attribute 'module' missing (at /"),
                "\(broken.text)"
            )
            #expect(broken.text.contains("/samsung.nix:2:"), "\(broken.text)")
            let check = try await machines.firn(["check", "samsung"])
            #expect(check.status == 1)
            let log = try #require(check.text.firstMatch(of: /log of samsung: (\/.*)/)?.1)
            #expect(try await machines.desk.sh("cat '\(log)'").contains("'module' missing"))

            let plain = """
                derivation {
                  name = "plain"; system = builtins.currentSystem;
                  builder = "/bin/sh"; args = [ "-c" "echo > $out" ];
                }
                """
            try machines.fleet.directory.write(plain, to: home)
            let noSystem = try await machines.firn(["deploy", "samsung"])
            #expect(
                noSystem.text.contains("has no bin/switch-to-configuration"),
                "\(noSystem.text)"
            )
            try machines.fleet.directory.write(
                "(\(plain)) // { stdenv.hostPlatform.system = \"riscv64-linux\"; }",
                to: home
            )
            let other = try await machines.firn(["deploy", "samsung"])
            #expect(other.status == 4)
            #expect(other.text.contains("is for riscv64-linux"), "\(other.text)")

            // Nothing tells before it is built.
            var foreign = FakeSystem("samsung", version: "3")
            foreign.systemFile = "riscv64-linux"
            try machines.want(foreign, on: "samsung")
            for via in ["builder", "here"] {
                let late = try await machines.firn(["deploy", "samsung", "--via", via])
                #expect(late.status == 4)
                #expect(late.text.contains("is for riscv64-linux"), "\(late.text)")
            }
            #expect(try await samsung.actions() == actions)
            try await machines.expect("samsung", runs: old)

            // Built on another kind of machine, for this one.
            var cross = FakeSystem("samsung", version: "4")
            cross.platform = "riscv64-linux"
            try machines.want(cross, on: "samsung")
            try await machines.builder.sh(
                "echo extra-platforms = riscv64-linux >>\"$NIX_CONF_DIR/nix.conf\""
            )
            let crossed = try await machines.firn(["deploy", "samsung", "--json"])
            #expect(crossed.status == 0, "\(crossed.text)")
            try await machines.expect(
                "samsung",
                runs: try #require(try machines.reports(crossed)["samsung"]?.wanted)
            )
        }
    }

    /// What Nix says of a flake and of a build, in a line, and who would have had to build.
    @Test func whatDoesNotEvaluateOrBuildIsToldInItsOwnWords() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            let actions = try await samsung.actions()
            func expect(
                _ words: [String],
                _ status: Int32,
                _ text: String,
                at location: SourceLocation = #_sourceLocation
            ) async throws {
                let outcome = try await machines.firn(["deploy"] + words)
                let said = outcome.text + outcome.errors
                #expect(outcome.status == status, "\(said)", sourceLocation: location)
                #expect(said.contains(text), "\(said)", sourceLocation: location)
                let row = outcome.lines.filter { $0.hasPrefix("samsung ") }
                #expect(row.count <= 1, "\(said)", sourceLocation: location)
                #expect(try await samsung.actions() == actions, sourceLocation: location)
            }
            try machines.fleet.directory.write(
                "{ outputs = { self }: { samsung = self.nixosModule.missing; }; }",
                to: "desk/home/flake.nix"
            )
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure(["samsung": "via = \"target\""])
            let file = machines.fleet.directory.path("desk/home/firn.toml")
            let text = try String(contentsOfFile: file, encoding: .utf8)
            try text.replacing(
                "configuration = { file = \"samsung.nix\" }",
                with: "configuration = \".#samsung\""
            ).write(toFile: file, atomically: true, encoding: .utf8)
            try await expect(["samsung"], 1, "does not evaluate: attribute 'nixosModule' missing")

            try machines.configure()
            var broken = FakeSystem("samsung", version: "2")
            broken.duringBuild = "echo the compiler is unhappy; exit 3"
            try machines.want(broken, on: "samsung")
            try await expect(["samsung"], 1, " the build failed: ")
            let log = try await machines.desk.sh("cat /var/lib/firn/fleet/logs/samsung/*")
            #expect(log.contains("the compiler is unhappy"))

            // p620 has no builder.
            try await expect(["p620", "--via", "builder"], 4, "write builder = \"NAME\"")
            let mistake = try machines.fleet.directory.write(
                "[hosts.samsung]\nbuilder = \"p260\"\n[hosts.p620]\n",
                to: "desk/home/mistake.toml"
            )
            try await expect(
                ["samsung", "--config", mistake],
                2,
                "did you mean \"p620\"?"
            )
            try await machines.expect("samsung", runs: old)
        }
    }

    @Test func aHostWithoutSpaceIsToldHowToMakeSome() async throws {
        var plan = NamespaceHost.Plan("samsung")
        plan.nixKiB = 80 << 10
        try await withCommandFleet([plan]) { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            let actions = try await samsung.actions()
            var large = FakeSystem("samsung", version: "2")
            large.payloadKiB = 100 << 10
            try machines.want(large, on: "samsung")
            try machines.configure()
            let outcome = try await machines.firn(["deploy", "samsung"])
            #expect(outcome.status == 4, "\(outcome.errors)")
            #expect(outcome.text.contains("MiB free in /nix/store"), "\(outcome.text)")
            #expect(outcome.text.contains("nix-collect-garbage"), "\(outcome.text)")
            #expect(try await samsung.actions() == actions)
            try await machines.expect("samsung", runs: old)
        }
    }

    @Test func anotherHostKeyIsRefused() async throws {
        try await withCommandFleet { machines in
            try await machines.fleet["samsung"].install(FakeSystem("samsung", version: "1"))
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure()
            // As if another machine answered at the address.
            try await machines.desk.sh(
                """
                key=$(sed -n 's/^p620,[^ ]* //p' ~/.ssh/known_hosts)
                sed -i "/^samsung,/d" ~/.ssh/known_hosts
                echo "samsung,samsung.lan,$1 $key" >>~/.ssh/known_hosts
                """,
                [machines.fleet["samsung"].address]
            )
            let outcome = try await machines.firn(["deploy", "samsung"])
            #expect(outcome.status == 4, "\(outcome.text)")
            #expect(outcome.text.contains("its host key has changed ("), "\(outcome.text)")
            #expect(outcome.text.contains("ssh-keygen -R 'samsung'"), "\(outcome.text)")
            // The table, and where the rest is.
            #expect(outcome.lines.count == 3, "\(outcome.text)")
            let log = try await machines.desk.sh("cat /var/lib/firn/fleet/logs/samsung/*")
            #expect(log.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "\(log)")

            try await machines.desk.sh(": >~/.ssh/known_hosts")
            let unknown = try await machines.firn(["deploy", "samsung"])
            #expect(unknown.status == 4, "\(unknown.text)")
            #expect(unknown.text.contains("its host key is not known here"), "\(unknown.text)")
            #expect(unknown.text.contains("ssh-keyscan samsung"), "\(unknown.text)")
        }
    }
}
