// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import FleetTestSupport
import Foundation

/// Machines of which `desk` runs the command, and `p620` builds and has a Firn.
struct CommandFleet: Sendable {
    let fleet: NamespaceFleet
    let desk: NamespaceHost
    let builder: NamespaceHost
    /// With which `p620` signs.
    let publicKey: String

    /// What a host is to run: the expression that its configuration names.
    func want(_ system: FakeSystem, on host: String) throws {
        try fleet.directory.write(system.expression, to: "desk/home/\(host).nix")
    }

    /// Writes `firn.toml` of `desk`, with a host for each name and lines of its own.
    func configure(
        _ hosts: [String: String] = ["samsung": ""],
        deploy: String = "",
        builder: String = ""
    ) throws {
        var text = """
            [server]
            state = "/var/lib/firn"

            [deploy]
            \(deploy)

            [[tier]]
            name = "p620"
            urls = ["http://p620:5000"]
            public-keys = ["\(publicKey)"]

            [hosts.p620]
            configuration = { file = "p620.nix" }
            \(builder)

            """
        for (name, lines) in hosts.sorted(by: { $0.key < $1.key }) {
            text += """
                [hosts.\(name)]
                builder = "p620"
                configuration = { file = "\(name).nix" }
                health = { settle = "1s", deadline = "20s" }
                \(lines)

                """
        }
        try fleet.directory.write(text, to: "desk/home/firn.toml")
    }

    /// Runs the command on `desk`, in its home.
    func firn(
        _ arguments: [String],
        input: String? = nil,
        within deadline: Duration = .seconds(300)
    ) async throws -> CommandOutcome {
        var command = try desk.command(FirnServer.programme, arguments)
        if let input {
            command.inputPath = try fleet.directory.write(input, to: "desk/home/input")
        }
        return try await command.run(deadline: deadline)
    }

    /// The reports of `firn deploy --json` by host.
    func reports(_ outcome: CommandOutcome) throws -> [String: DeployedHost] {
        let all = try JSONDecoder().decode([DeployedHost].self, from: Data(outcome.output))
        return Dictionary(all.map { ($0.host, $0) }) { first, _ in first }
    }
}

/// One host of `firn deploy --json`.
struct DeployedHost: Decodable {
    let host: String
    let outcome: String
    let reason: String?
    let wanted: String?
    let running: String?
}

/// Starts the machines and the Firn of `p620`.
func withCommandFleet(
    _ targets: [NamespaceHost.Plan] = ["samsung"],
    _ body: (CommandFleet) async throws -> Void
) async throws {
    try await withNamespaceFleet(["desk", "p620"] + targets) { fleet in
        let builder = fleet["p620"]
        let key = try await serve(on: builder, of: fleet)
        let command = CommandFleet(
            fleet: fleet,
            desk: fleet["desk"],
            builder: builder,
            publicKey: key
        )
        try command.want(FakeSystem("p620", version: "1"), on: "p620")
        try await command.desk.sh(
            """
            tries=0
            until said=$(ssh -o BatchMode=yes -o ConnectTimeout=5 p620 true 2>&1); do
                tries=$((tries + 1))
                [ "$tries" -lt 60 ] || { echo "$said" >&2; exit 1; }
                sleep 1
            done
            """
        )
        try await body(command)
    }
}

/// - Returns: The public key.
private func serve(on host: NamespaceHost, of fleet: NamespaceFleet) async throws -> String {
    let firn = FirnServer.programme
    try await host.sh(
        "mkdir -p /var/lib/firn && \"$1\" key generate p620-1 --out /var/lib/firn",
        [firn]
    )
    let key = try await host.sh("\"$1\" key public /var/lib/firn/p620-1.secret", [firn])
    try await host.sh(
        """
        nix-store --init
        "$1" serve --key /var/lib/firn/p620-1.secret >/var/lib/firn/log 2>&1 </dev/null 9>&- &
        tries=0
        until curl -sf http://p620:5000/nix-cache-info >/dev/null; do
            tries=$((tries + 1))
            [ "$tries" -lt 150 ] || { cat /var/lib/firn/log >&2; exit 1; }
            sleep 0.2
        done
        """,
        [firn]
    )
    return key
}
