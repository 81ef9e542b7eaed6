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
            let tag = try await machines.firn(["deploy", "--on", "@lapto"])
            #expect(tag.status == 2)
            #expect(tag.errors.contains("did you mean \"@laptop\"?"))

            let home = "desk/home/samsung.nix"
            try machines.fleet.directory.write("throw \"no such module\"", to: home)
            let broken = try await machines.firn(["deploy", "samsung"])
            #expect(broken.status == 1)
            #expect(broken.text.contains("does not evaluate: no such module"), "\(broken.text)")

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
                plain.replacing("builtins.currentSystem", with: "\"riscv64-linux\""),
                to: home
            )
            let other = try await machines.firn(["deploy", "samsung"])
            #expect(other.status == 4)
            #expect(other.text.contains("is for riscv64-linux"), "\(other.text)")
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
            #expect(outcome.text.contains("host key"), "\(outcome.text)")
        }
    }
}
