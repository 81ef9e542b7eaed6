// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
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
        builder: String = "",
        urls: [String] = ["http://p620:5000"],
        tiers: String = ""
    ) throws {
        var text = """
            [server]
            state = "/var/lib/firn"

            [deploy]
            \(deploy)

            [[tier]]
            name = "p620"
            urls = \(urls)
            public-keys = ["\(publicKey)"]

            \(tiers)

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

    /// Runs the command on `desk`, and sends it a signal, of itself that of Ctrl-C, as soon as the
    /// condition holds.
    func firn(
        _ arguments: [String],
        interruptedAt what: String,
        by signal: String = "INT",
        _ condition: () async throws -> Bool,
        afterwards: () async throws -> Void = {}
    ) async throws -> CommandOutcome {
        let script = "echo $$ >~/running && exec \"$0\" \"$@\""
        let command = try desk.command("sh", ["-c", script, FirnServer.programme] + arguments)
        async let outcome = command.run(deadline: .seconds(300))
        try await wait(for: what, within: .seconds(120), until: condition)
        try await desk.sh("kill -\(signal) \"$(cat ~/running)\"")
        try await afterwards()
        return try await outcome
    }

    /// Waits until ssh of `desk` gets into a machine.
    func reach(_ name: String) async throws {
        try await desk.sh(
            """
            tries=0
            until said=$(ssh -o BatchMode=yes -o ConnectTimeout=5 "$1" true 2>&1); do
                tries=$((tries + 1))
                [ "$tries" -lt 60 ] || { echo "$said" >&2; exit 1; }
                sleep 1
            done
            """,
            [name]
        )
    }

    /// Has another machine serve its store as well.
    ///
    /// - Returns: Its `[[tier]]`.
    func serveToo(on host: NamespaceHost) async throws -> String {
        let key = try await serve(on: host)
        return """
            [[tier]]
            name = "\(host.name)"
            urls = ["http://\(host.name):5000"]
            public-keys = ["\(key)"]
            """
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
    let notes: [String]
    let pull: PullReport?
}

/// Starts the machines and the Firn of `p620`.
func withCommandFleet(
    _ targets: [NamespaceHost.Plan] = ["samsung"],
    _ body: (CommandFleet) async throws -> Void
) async throws {
    try await withNamespaceFleet(["desk", "p620"] + targets) { fleet in
        let builder = fleet["p620"]
        let key = try await serve(on: builder)
        let command = CommandFleet(
            fleet: fleet,
            desk: fleet["desk"],
            builder: builder,
            publicKey: key
        )
        try command.want(FakeSystem("p620", version: "1"), on: "p620")
        for host in fleet.hosts.dropFirst() where host.isOn { try await command.reach(host.name) }
        try await body(command)
    }
}

/// - Returns: The public key.
private func serve(on host: NamespaceHost) async throws -> String {
    let words = [FirnServer.programme, host.name]
    let key = try await host.sh(
        """
        mkdir -p /var/lib/firn
        "$1" key generate "$2-1" --out /var/lib/firn >&2
        "$1" key public "/var/lib/firn/$2-1.secret"
        """,
        words
    )
    try await startFirn(on: host)
    return key
}

/// Serves the machine's store with the key that it has.
func startFirn(on host: NamespaceHost) async throws {
    try await host.sh(
        """
        "$1" serve --key "/var/lib/firn/$2-1.secret" >/var/lib/firn/log 2>&1 </dev/null 9>&- &
        tries=0
        until curl -sf "http://$2:5000/nix-cache-info" >/dev/null; do
            tries=$((tries + 1))
            [ "$tries" -lt 150 ] || { cat /var/lib/firn/log >&2; exit 1; }
            sleep 0.2
        done
        """,
        [FirnServer.programme, host.name]
    )
}
