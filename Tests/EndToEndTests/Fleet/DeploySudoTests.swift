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
