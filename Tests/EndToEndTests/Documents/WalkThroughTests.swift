// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// `docs/guide/fleet-walkthrough.md`, from its first line to its last.
///
/// The public caches are not reachable there, as they are not on a train.
@Suite(.fewAtATime)
struct WalkThroughTests {
    static let page = "docs/guide/fleet-walkthrough.md"

    @Test func theWalkThroughIsAsItIsWritten() async throws {
        var blocks = try DocumentedBlock.on(Self.page).filter { $0.machine != nil }
        try #require(blocks.count > 10)
        try await withMachines { fleet in
            var machines = try Self.machines(fleet, key: "p620-1:none")
            try await machines.run(blocks.removeFirst())
            let key = try await fleet["p620"].sh("cat ~/etc-nix/p620-1.public")
            machines = try Self.machines(fleet, key: key)
            try await machines.run(blocks.removeFirst())
            try await Self.withoutNixpkgs(fleet)

            let server = try await Self.serve(fleet)
            defer { server.send(signal: SIGTERM) }
            let before = try await fleet["samsung"].systems()
            var said: [String] = []
            for block in blocks {
                said.append(try await machines.run(block))
                if block.script.contains("--canary") {
                    let after = try await fleet["samsung"].systems()
                    #expect(after.running != before.running && after.running == after.boots)
                }
            }
            #expect(said.contains { $0.contains("via builder") }, "no comparison")
            for host in fleet.hosts {
                let systems = try await host.systems()
                #expect(systems.running.hasSuffix("-nixos-system-\(host.name)"))
                #expect(systems.running == systems.profile && systems.running == systems.boots)
            }
        }
    }

    private static func machines(
        _ fleet: NamespaceFleet,
        key: String
    ) throws -> DocumentedMachines {
        DocumentedMachines(
            fleet: fleet,
            places: [("/etc/nix", "~/etc-nix"), ("p620-1:…", key)]
        )
    }

    /// Machines that run something else to begin with, and a checkout of Firn at razer.
    private func withMachines(_ body: (NamespaceFleet) async throws -> Void) async throws {
        let names = ["p620", "samsung", "razer", "p510"]
        try await withNamespaceFleet(names.map { NamespaceHost.Plan($0) }) { fleet in
            for host in fleet.hosts {
                try await host.install(FakeSystem(host.name, version: "0"))
                try FileManager.default.createSymbolicLink(
                    atPath: "\(host.folder)/bin/firn",
                    withDestinationPath: FirnServer.programme
                )
            }
            try await fleet["p620"].sh("mkdir -p ~/etc-nix /var/lib/firn")
            let examples = DocumentedBlock.root.appending(path: "examples").path()
            try await fleet["razer"].sh(
                "mkdir -p ~/firn && cp -r \"$1\" ~/firn/examples",
                [examples]
            )
            try await body(fleet)
        }
    }

    /// Here is no nixpkgs: the flake of the example that needs none takes its place.
    private static func withoutNixpkgs(_ fleet: NamespaceFleet) async throws {
        try await fleet["razer"].sh(
            """
            cp ~/firn/examples/fleet/flake.nix ~/fleet/flake.nix
            cd ~/fleet && git add --all
            """
        )
    }

    private static func serve(_ fleet: NamespaceFleet) async throws -> RunningProcess {
        let secret = "\(fleet["p620"].folder)/home/etc-nix/p620-1.secret"
        try fleet.directory.write("[signing]\nkeys = [\"\(secret)\"]\n", to: "p620.toml")
        let log = try fleet.directory.write("", to: "p620.log")
        let output = try #require(FileHandle(forWritingAtPath: log))
        let server = try fleet["p620"].command(
            FirnServer.programme,
            ["serve", "--config", fleet.directory.path("p620.toml")]
        ).start(output: output, errors: output)
        try await wait(for: "p620's Firn", within: .seconds(60)) {
            try await fleet["p620"].command("curl", ["-sf", "http://p620.lan:5000/readyz"])
                .run(deadline: .seconds(30)).status == 0
        }
        return server
    }
}
