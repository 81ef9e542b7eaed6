// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import Testing

/// Four machines, a copy of `examples/fleet` on one of them, and Firn on the builder.
struct ExampleFleet: Sendable {
    let fleet: NamespaceFleet
    /// The folder with the flake and the `justfile`.
    let folder: String

    static var source: String {
        // Tests/EndToEndTests/Fleet/ExampleFleet.swift
        var url = URL(filePath: #filePath)
        for _ in 0..<4 { url.deleteLastPathComponent() }
        return url.appending(path: "examples/fleet").path()
    }

    /// What a machine runs and boots, as it is there and not as it was reported.
    struct State: Hashable {
        let running: String
        let profile: String
        let boots: String
    }

    func state(_ name: String) async throws -> State {
        let systems = try await fleet[name].systems()
        return State(running: systems.running, profile: systems.profile, boots: systems.boots)
    }

    private var razer: NamespaceHost { fleet["razer"] }

    /// Runs a recipe where its user sits, and it has to end with 0.
    @discardableResult
    func just(_ words: String...) async throws -> CommandOutcome {
        try await razer.command("just", ["--justfile", "\(folder)/justfile"] + words)
            .run(deadline: .seconds(170)).requireSuccess()
    }

    /// As `firn report` tells them, oldest first.
    func receipts() async throws -> [Receipt] {
        let words = ["report", "--json", "--last", "0", "--config", "\(folder)/firn.toml"]
        return try await razer.run("firn", words).lines.map { line in
            try FirnJSON.parse(line.utf8, as: Receipt.self)
        }
    }

    /// Gives all four machines something new.
    func change(_ line: String) throws {
        try Data("\(line)\n".utf8).write(to: URL(filePath: "\(folder)/common.conf"))
    }
}

/// Makes the fleet; its machines run something else than the example to begin with.
func withExample(_ body: (ExampleFleet) async throws -> Void) async throws {
    let names = ["p620", "samsung", "razer", "p510"]
    try await withNamespaceFleet(names.map { NamespaceHost.Plan($0) }) { fleet in
        let just = try #require(Just.path)
        for (name, target) in [("just", just), ("firn", FirnServer.programme)] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(fleet["razer"].folder)/bin/\(name)",
                withDestinationPath: target
            )
        }
        let folder = fleet.directory.path("fleet")
        try FileManager.default.copyItem(atPath: ExampleFleet.source, toPath: folder)
        for host in fleet.hosts { try await host.install(FakeSystem(host.name, version: "0")) }
        let key = try await TestKey.make(name: "p620-1", in: fleet.directory)
        // The one thing that everybody has to change.
        let file = "\(folder)/firn.toml"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let own = text.replacing(/"p620-1:[^"]*"/, with: "\"\(key.publicKey)\"")
        try #require(own != text)
        try Data(own.utf8).write(to: URL(filePath: file))
        try fleet.directory.write(
            "[signing]\nkeys = [\"\(key.secretPath)\"]\n",
            to: "p620.toml"
        )
        let log = try fleet.directory.write("", to: "p620.log")
        let output = try #require(FileHandle(forWritingAtPath: log))
        let server = try fleet["p620"].command(
            FirnServer.programme,
            ["serve", "--config", fleet.directory.path("p620.toml")]
        ).start(output: output, errors: output)
        defer { server.send(signal: SIGTERM) }
        try await wait(for: "p620's Firn", within: .seconds(60)) {
            try await fleet["p620"].command("curl", ["-sf", "http://p620.lan:5000/readyz"])
                .run(deadline: .seconds(30)).status == 0
        }
        do {
            try await body(ExampleFleet(fleet: fleet, folder: folder))
        } catch {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw FirnServer.Trouble(cause: error, log: said)
        }
    }
}
