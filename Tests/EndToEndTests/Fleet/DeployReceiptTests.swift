// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import Testing

/// What receipts say of bytes, of hosts with a Firn and of hosts that fetch for themselves.
@Suite(.fewAtATime) struct DeployReceiptTests {
    /// Nix on the host is told to ask the Firn there, and nobody else is told that it is there.
    @Test func theFirnOnAHostIsFoundAndTellsWhatDeltasSaved() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            try machines.configure()
            try await Self.startAgent(on: samsung, machines)
            for version in ["2", "3"] {
                var system = FakeSystem("samsung", version: version)
                // The hash of the other version stands in it now and then, and nothing else differs.
                system.kinPayload = """
                    /usr/bin/seq 100000 900000 >$out
                    echo $out >>$out
                    """
                try machines.want(system, on: "samsung")
                let outcome = try await machines.firn(["deploy", "samsung", "--json"])
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            let receipts = try await Self.receipts(of: machines)
            let pull = try #require(receipts.last?.pull)
            #expect(pull.tiers.map(\.name) == ["agent", "p620"])
            #expect(pull.tiers[0].address == "http://127.0.0.1:5000")
            #expect(pull.tiers[0].paths > 0)
            let deltas = try #require(pull.behindAgent?.first?.deltas)
            #expect(deltas.paths > 0)
            #expect(deltas.wireBytes < deltas.ordinaryBytes)
            let report = try await machines.firn(["report"])
            #expect(report.text.contains("deltas of p620: "), "\(report.text)")
            let comparison = try await machines.firn(["report", "--compare"])
            #expect(comparison.text.contains("saved by deltas"), "\(comparison.text)")
        }
    }

    @Test func whatAHostFetchesWhileItBuildsIsCounted() async throws {
        try await withCommandFleet { machines in
            let samsung = machines.fleet["samsung"]
            try await samsung.install(FakeSystem("samsung", version: "1"))
            var system = FakeSystem("samsung", version: "2")
            system.payloadKiB = 2_000
            try machines.want(system, on: "samsung")
            try machines.configure()
            let built = try await machines.firn(["build", "samsung"])
            #expect(built.status == 0, "\(built.errors)")
            try await samsung.sh(
                """
                sed -i /substituters/d "$NIX_CONF_DIR/nix.conf"
                echo "substituters = http://p620:5000" >>"$NIX_CONF_DIR/nix.conf"
                echo "trusted-public-keys = $1" >>"$NIX_CONF_DIR/nix.conf"
                """,
                [machines.publicKey]
            )
            let outcome = try await machines.firn(["deploy", "samsung", "--via", "target"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let receipt = try #require(try await Self.receipts(of: machines).last)
            #expect(receipt.built?.on == "samsung")
            // It fetches what it needs for the system, which itself is not to be fetched.
            #expect(receipt.built?.names == ["nixos-system-samsung-2.drv"])
            let share = try #require(receipt.pull?.tiers.first)
            #expect(share.name == "p620")
            #expect(share.paths >= 2)
            #expect(share.narBytes > 2_000 << 10)
            #expect(share.wireBytes > 2_000 << 10)
        }
    }

    private static func receipts(of machines: CommandFleet) async throws -> [Receipt] {
        try await machines.firn(["report", "--json", "--last", "0"]).lines.map { line in
            try FirnJSON.parse(line.utf8, as: Receipt.self)
        }
    }

    private static func startAgent(
        on host: NamespaceHost,
        _ machines: CommandFleet
    ) async throws {
        let firn = "\(host.folder)/bin/firn"
        try FileManager.default.createSymbolicLink(
            atPath: firn,
            withDestinationPath: FirnServer.programme
        )
        let file = try machines.fleet.directory.write(
            """
            [server]
            listen = ["127.0.0.1:5000"]
            state = "/var/lib/firn"
            [depot]
            location = "none"
            [[tier]]
            name = "p620"
            urls = ["http://p620:5000"]
            public-keys = ["\(machines.publicKey)"]
            delta = "always"

            """,
            to: "agent.toml"
        )
        try await host.sh(
            """
            sed -i /substituters/d "$NIX_CONF_DIR/nix.conf"
            echo "substituters = http://127.0.0.1:5000" >>"$NIX_CONF_DIR/nix.conf"
            mkdir -p /var/lib/firn
            firn serve --config "$1" >/var/lib/firn/log 2>&1 </dev/null 9>&- &
            tries=0
            until curl -sf http://127.0.0.1:5000/nix-cache-info >/dev/null; do
                tries=$((tries + 1))
                [ "$tries" -lt 150 ] || { cat /var/lib/firn/log >&2; exit 1; }
                sleep 0.2
            done
            """,
            [file]
        )
    }
}
