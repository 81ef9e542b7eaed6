// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import Testing

/// The machines of `examples/fleet/nixos`, running what their units and files say.
@Suite(
    .fewAtATime,
    .enabled(if: isInstalled("systemd-socket-activate"), "systemd is not installed")
)
struct NixOSMachineTests {
    /// A laptop's own Nix, by its own nix.conf, from its own Firn, from the builder's.
    @Test func aLaptopFetchesWhatTheBuilderBuilt() async throws {
        let machines = try await NixEvaluation.machines(
            "\(NixEvaluation.root)/nix/tests/fleet.nix"
        )
        try await withNamespaceFleet(["p620", "samsung"]) { fleet in
            let key = try await TestKey.make(name: "p620-1", in: fleet.directory)
            let top = try await fleet["p620"].build(SampleClosure.small.expression)
            try await running(machines, "p620", key, fleet) { _ in
                try await running(machines, "samsung", key, fleet) { samsung in
                    try await realise(top, on: fleet["samsung"], samsung)
                }
            }
        }
    }

    private func realise(
        _ top: String,
        on host: NamespaceHost,
        _ rendered: RenderedMachine
    ) async throws {
        // What a user's shell has on that machine, and what makes a Nix without build users.
        let own = rendered.machine.variables["NIX_CONFIG"] ?? ""
        let settings = [
            "NIX_CONF_DIR=\(rendered.nixConfFolder)",
            "NIX_CONFIG=\(own)\nbuild-users-group =\nsandbox = false\nmax-jobs = 0",
        ]
        try await host.run("env", settings + ["nix-store", "--realise", top])
        let closure = try await host.run("nix-store", ["--query", "--requisites", top]).lines
        #expect(closure.count > 8)
        let status = try await host.run(
            FirnServer.programme,
            ["status", "--json", "--config", rendered.configurationPath]
        ).text
        #expect(status.contains("\"name\":\"p620\""), "\(status)")
        let unknown = "/nix/store/\(String(repeating: "0", count: 32))-nowhere"
        let start = ContinuousClock.now
        let missed = try await host.command(
            "env",
            settings + ["nix-store", "--realise", unknown]
        ).run(deadline: .seconds(60))
        #expect(missed.status != 0)
        // The public caches cannot be reached here; a Nix that asked them itself would be minutes.
        #expect(ContinuousClock.now - start < .seconds(45))
    }

    /// Starts a machine's Firn as systemd does, for the time of the body.
    private func running(
        _ machines: [String: EvaluatedMachine],
        _ name: String,
        _ key: TestKey,
        _ fleet: NamespaceFleet,
        _ body: (RenderedMachine) async throws -> Void
    ) async throws {
        let rendered = try await RenderedMachine.install(
            try #require(machines[name]),
            named: "\(name)-etc",
            key: key,
            in: fleet.directory
        )
        try await fleet[name].run("mkdir", ["-p", "/var/lib/firn"])
        try await fleet[name].run("nix-store", ["--init"])
        let log = try fleet.directory.write("", to: "\(name).log")
        let output = try #require(FileHandle(forWritingAtPath: log))
        let words = rendered.start
        let process = try fleet[name].command(words[0], Array(words.dropFirst()))
            .start(output: output, errors: output)
        defer { process.send(signal: SIGTERM) }
        do {
            try await wait(for: "the Firn of \(name)", within: .seconds(60)) {
                try await fleet[name].command("curl", ["-sf", "http://127.0.0.1:5000/readyz"])
                    .run(deadline: .seconds(30)).status == 0
            }
            try await body(rendered)
        } catch {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw FirnServer.Trouble(cause: error, log: said)
        }
    }
}
