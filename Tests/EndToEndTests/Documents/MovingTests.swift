// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation
import NixFormat
import Testing

/// `docs/guide/move.md`: what it says of backups and keys, done on one machine.
@Suite(.fewAtATime)
struct MovingTests {
    static let page = "docs/guide/move.md"

    private static func blocks() throws -> (backUp: [DocumentedBlock], newKey: DocumentedBlock) {
        let blocks = try DocumentedBlock.on(page).filter { $0.machine != nil }
        let newKey = try #require(blocks.last { $0.script.contains("key generate") })
        return (blocks.filter { !$0.script.contains("key generate") }, newKey)
    }

    /// What was pushed is there again, with the key it had, after all of it was lost.
    @Test func whatWasBackedUpIsServedAgain() async throws {
        let blocks = try Self.blocks().backUp
        try #require(blocks.count == 2)
        try await withNamespaceFleet(["p620"]) { fleet in
            let p620 = fleet["p620"]
            let machines = try Self.machines(fleet)
            let path = try await p620.build(SampleClosure.small.expression)
            var before = ""
            try await serving(fleet, keys: []) {
                try await p620.sh(
                    """
                    cd ~ && firn cache create team --public && firn push team "$1"
                    """,
                    [path]
                )
                before = try await narInfo(of: path, fleet)
            }
            try await machines.run(blocks[0])
            // The disk is lost, and what came out of the store with it.
            try await p620.sh("rm -rf /var/lib/firn")
            try await machines.run(blocks[1])
            try await serving(fleet, keys: []) {
                #expect(try await narInfo(of: path, fleet) == before)
                let nar = try #require(before.firstMatch(of: /URL: (\S+)/)).1
                let sent = try await p620.sh(
                    "curl -sf http://127.0.0.1:5000/team/$1 | wc -c",
                    [String(nar)]
                )
                #expect(Int(sent).map { $0 > 100 } == true)
                // The other key of that folder, which signs what is in the store.
                #expect(try await p620.sh("cat /var/lib/firn/public-key").contains(":"))
            }
        }
    }

    @Test func twoKeysSignUntilTheOldOneIsTakenAway() async throws {
        let block = try Self.blocks().newKey
        try await withNamespaceFleet(["p620"]) { fleet in
            try Self.link(fleet)
            let p620 = fleet["p620"]
            let path = try await p620.build(SampleClosure.small.expression)
            let folder = "\(p620.folder)/home/etc-nix"
            try await p620.sh("mkdir -p ~/etc-nix && firn key generate p620-1 --out ~/etc-nix")
            try await Self.machines(fleet).run(block)
            let (old, new) = ("\(folder)/p620-1.secret", "\(folder)/p620-2.secret")
            for (keys, names) in [
                ([old], ["p620-1"]), ([old, new], ["p620-1", "p620-2"]), ([new], ["p620-2"]),
            ] {
                try await serving(fleet, keys: keys) {
                    let found = try await signers(of: path, fleet)
                    #expect(found == names)
                }
            }
        }
    }

    private static func machines(_ fleet: NamespaceFleet) throws -> DocumentedMachines {
        try link(fleet)
        return DocumentedMachines(fleet: fleet, places: [("/etc/nix", "~/etc-nix")])
    }

    private static func link(_ fleet: NamespaceFleet) throws {
        let place = "\(fleet["p620"].folder)/bin/firn"
        guard !FileManager.default.fileExists(atPath: place) else { return }
        try FileManager.default.createSymbolicLink(
            atPath: place,
            withDestinationPath: FirnServer.programme
        )
    }

    private func configure(_ fleet: NamespaceFleet, keys: [String]) throws {
        let list = keys.map { "\"\($0)\"" }.joined(separator: ", ")
        // As /etc/firn/firn.toml would be: a folder from which the machine's commands are run.
        try Data("[signing]\nkeys = [\(list)]\n".utf8).write(
            to: URL(filePath: "\(fleet["p620"].folder)/home/firn.toml")
        )
    }

    private func serving(
        _ fleet: NamespaceFleet,
        keys: [String],
        _ body: () async throws -> Void
    ) async throws {
        try Self.link(fleet)
        try configure(fleet, keys: keys)
        let name = "p620-\(UInt32.random(in: 0 ... .max)).log"
        let log = try fleet.directory.write("", to: name)
        let output = try #require(FileHandle(forWritingAtPath: log))
        let server = try fleet["p620"].command(
            "sh",
            ["-c", "echo $$ >/run/firn.pid && exec firn serve --config ~/firn.toml"]
        ).start(output: output, errors: output)
        do {
            try await wait(for: "p620's Firn", within: .seconds(60)) {
                try await fleet["p620"].command("curl", ["-sf", "http://127.0.0.1:5000/readyz"])
                    .run(deadline: .seconds(30)).status == 0
            }
            try await body()
        } catch {
            server.send(signal: SIGKILL)
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw FirnServer.Trouble(cause: error, log: said)
        }
        try await fleet["p620"].sh("kill -TERM $(cat /run/firn.pid)")
        _ = try await server.exitStatus(within: .seconds(60))
    }

    private func narInfo(of path: String, _ fleet: NamespaceFleet) async throws -> String {
        try await fleet["p620"].sh(
            "curl -sf http://127.0.0.1:5000/team/$1.narinfo",
            [path.storeHash]
        )
    }

    private func signers(of path: String, _ fleet: NamespaceFleet) async throws -> [String] {
        let text = try await fleet["p620"].sh(
            "curl -sf http://127.0.0.1:5000/$1.narinfo",
            [path.storeHash]
        )
        return text.matches(of: /Sig: ([^:]+):/).map { String($0.1) }.sorted()
    }
}
