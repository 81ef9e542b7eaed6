// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// A user who is not root, and a real sudo that wants a password.
@Suite(.fewAtATime) struct DeploySudoTests {
    private static let password = "right horse"

    @Test func sudosPasswordIsTakenFromInputTriedBeforehandAndWrittenNowhere() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            try await Self.letAdminBecomeRoot(on: samsung)
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure(["samsung": "user = \"admin\""])

            let none = try await machines.firn(["deploy", "samsung"])
            #expect(none.status == 4, "\(none.text)")
            #expect(none.text.contains("sudo asks for a password"), "\(none.text)")
            let wrong = try await machines.firn(
                ["deploy", "samsung", "--ask-sudo-password"],
                input: "wrong horse\n"
            )
            #expect(wrong.status == 4, "\(wrong.text)")
            #expect(wrong.text.contains("sudo refuses the password"), "\(wrong.text)")
            try await machines.expect("samsung", runs: old)

            let right = try await machines.firn(
                ["deploy", "samsung", "--ask-sudo-password", "--json"],
                input: "\(Self.password)\n"
            )
            #expect(right.status == 0, "\(right.errors)")
            let report = try #require(try machines.reports(right)["samsung"])
            try await machines.expect("samsung", runs: try #require(report.wanted))
            for machine in [machines.desk, samsung] {
                let found = try await machine.sh(
                    "grep -rlF \"$1\" /var/lib || true",
                    [Self.password]
                )
                #expect(found.isEmpty)
            }
        }
    }

    @Test func onATerminalItIsAskedForOnceAndCtrlCTakesTheQuestionBack() async throws {
        try await withCommandFleet(["samsung", "razer"]) { machines in
            var olds: [String: String] = [:]
            for name in ["samsung", "razer"] {
                olds[name] = try await machines.fleet[name].install(FakeSystem(name, version: "1"))
                try await Self.letAdminBecomeRoot(on: machines.fleet[name])
                try machines.want(FakeSystem(name, version: "2"), on: name)
            }
            let lines = "user = \"admin\""
            try machines.configure(["samsung": lines, "razer": lines])
            for words in ["deploy samsung razer", "check samsung --ask-sudo-password"] {
                let stopped = try await Self.type("\\003", at: words, on: machines.desk)
                #expect(stopped.contains("ended with 130, echo is 1"), "\(stopped)")
            }
            for (name, old) in olds { try await machines.expect(name, runs: old) }

            let words = "deploy samsung razer"
            let typed = try await Self.type("\(Self.password)\\n", at: words, on: machines.desk)
            #expect(typed.contains("ended with 0, echo is 1"), "\(typed)")
            #expect(typed.split(separator: "password for sudo").count == 2, "\(typed)")
            #expect(!typed.contains(Self.password))
            for name in olds.keys {
                #expect(try await machines.fleet[name].systems().profile.hasSuffix("\(name)-2"))
            }
        }
    }

    /// Its Nix takes from such a user only what is signed, and ends with words that say nothing.
    @Test func whatIsBuiltHereIsNotTakenFromAUserWhoIsNotTrusted() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            let old = try await samsung.install(FakeSystem("samsung", version: "1"))
            try await Self.letAdminBecomeRoot(on: samsung)
            try await samsung.sh(
                """
                nix-daemon >/dev/null 2>&1 </dev/null &
                tries=0
                until [ -S /nix/var/nix/daemon-socket/socket ]; do
                    tries=$((tries + 1))
                    [ "$tries" -lt 300 ] || exit 1
                    sleep 0.1
                done
                """
            )
            try machines.want(FakeSystem("samsung", version: "2"), on: "samsung")
            try machines.configure(["samsung": "user = \"admin\""])
            let words = ["deploy", "samsung", "--via", "here", "--ask-sudo-password"]
            let outcome = try await machines.firn(words, input: "\(Self.password)\n")
            #expect(outcome.status == 4, "\(outcome.text)\n\(outcome.errors)")
            #expect(outcome.text.contains("name the user in trusted-users"), "\(outcome.text)")
            try await machines.expect("samsung", runs: old)
            #expect(try await samsung.sh("ls /var/lib/firn-deployments/lease || true").isEmpty)
        }
    }

    /// Runs the command on a terminal, and types when it asks.
    private static func type(
        _ keys: String,
        at words: String,
        on host: NamespaceHost
    ) async throws -> String {
        // The shell is to outlive the Ctrl-C that is for the command.
        let session = """
            trap : INT
            \(FirnServer.programme) \(words)
            code=$?
            echo "ended with $code, echo is $(stty -a | tr ' ' '\\n' | grep -cx echo)"
            """
        return try await host.sh(
            """
            cd ~ && rm -f ended && : >screen
            {
                tries=0
                until grep -q "sudo on the hosts" screen || [ "$tries" -gt 600 ]; do
                    tries=$((tries + 1))
                    sleep 0.1
                done
                printf "$1"
                tries=0
                until [ -e ended ] || [ "$tries" -gt 600 ]; do
                    tries=$((tries + 1))
                    sleep 0.1
                done
            } | {
                script -qefc "$2" screen >/dev/null
                : >ended
            }
            cat screen
            """,
            [keys, session]
        )
    }

    private static func letAdminBecomeRoot(on host: NamespaceHost) async throws {
        let hash = try await Command("openssl", ["passwd", "-6", password])
            .run(deadline: .seconds(30)).requireSuccess().text
        try await host.sh(
            """
            set -e
            sed "s|^admin:[^:]*:|admin:$1:|" /etc/passwd >/run/passwd
            mount --bind /run/passwd /etc/passwd
            cat >/run/sudoers <<EOF
            Defaults env_keep += "NIX_CONF_DIR", secure_path="$PATH"
            root ALL=(ALL) ALL
            admin ALL=(ALL) ALL
            EOF
            chmod 440 /run/sudoers
            mount --bind /run/sudoers /etc/sudoers
            """,
            [hash]
        )
    }
}
