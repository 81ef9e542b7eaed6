// SPDX-License-Identifier: Apache-2.0
package import FirnTestSupport
import Foundation

/// Several machines on one network, made of namespaces, each with its own store and a real sshd.
///
/// Everything is private to them: store, `/run`, `/var/lib`, `/boot`, processes, network, host name.
/// They share the rest of this machine's files, to be read. It needs root.
package struct NamespaceFleet: Sendable {
    package let hosts: [NamespaceHost]
    package let directory: TemporaryDirectory
    private let keeper: RunningProcess

    /// A machine by its name.
    package subscript(name: String) -> NamespaceHost {
        guard let host = hosts.first(where: { $0.name == name }) else {
            preconditionFailure("the fleet of this test has no \(name)")
        }
        return host
    }

    /// One key opens all machines, and each knows all host keys.
    fileprivate init(_ plans: [NamespaceHost.Plan], in directory: TemporaryDirectory) async throws {
        self.directory = directory
        let script = try directory.write(FleetScripts.network, to: "network.sh")
        try directory.write(FleetScripts.place, to: "place.sh")
        try directory.write(FleetScripts.machine, to: "machine.sh")
        let keeping = """
            unshare --mount --net --pid --fork --kill-child sh "$0" "$1" &
            child=$!
            trap 'kill -9 "$child"; exit 0' TERM
            while kill -0 "$2" && kill -0 "$child"; do sleep 1 & wait "$!"; done 2>/dev/null
            kill -9 "$child"
            """
        let log = FileHandle(forWritingAtPath: try directory.write("", to: "log"))
        guard let log else { throw FleetFault(description: "no log") }
        keeper = try Command(
            "sh",
            ["-c", keeping, script, directory.path, "\(getpid())"]
        ).start(output: log, errors: log)
        let network: Int32
        do {
            network = try await Self.number("network", in: directory)
        } catch {
            keeper.send(signal: SIGTERM)
            throw error
        }
        hosts = plans.enumerated().map { index, plan in
            NamespaceHost(plan, number: index + 1, network: network, in: directory)
        }
    }

    fileprivate func begin() async throws {
        for host in hosts { try host.prepare() }
        try await introduce()
        for host in hosts { try await host.join() }
        for host in hosts where !host.plan.startsAsleep { try await host.powerOn() }
    }

    fileprivate func end() async {
        keeper.send(signal: SIGTERM)
        _ = try? await keeper.exitStatus(within: .seconds(60))
    }

    /// Waits for the number that a script writes when it is ready.
    static func number(_ file: String, in directory: TemporaryDirectory) async throws -> Int32 {
        var number: Int32?
        try await wait(for: "\(directory.path(file))", within: .seconds(60)) {
            let text = try? String(contentsOfFile: directory.path(file), encoding: .utf8)
            number = text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
            return number != nil
        }
        return number ?? 0
    }

    /// Names, keys and homes.
    private func introduce() async throws {
        let names = hosts.map { "\($0.address) \($0.name) \($0.name).lan\n" }.joined()
        try directory.write("127.0.0.1 localhost\n" + names, to: "hosts")
        let key = try await makeKey("client-key")
        var known = ""
        for host in hosts {
            let text = try await makeKey("\(host.name)/host-key")
            known += "\(host.name),\(host.name).lan,\(host.address) \(text)\n"
        }
        let secret = try String(contentsOfFile: directory.path("client-key"), encoding: .utf8)
        for host in hosts {
            try directory.write(key + "\n", to: "\(host.name)/authorized_keys")
            for home in ["home", "home-admin"] {
                let folder = try directory.makeDirectory("\(host.name)/\(home)/.ssh")
                let place = String(folder.dropFirst(directory.path.count + 1))
                try directory.write(secret, to: "\(place)/id_ed25519", mode: 0o600)
                try directory.write(known, to: "\(place)/known_hosts")
            }
            try await Command(
                "chown",
                ["-R", "1000:1000", directory.path("\(host.name)/home-admin")]
            )
            .run(deadline: .seconds(10)).requireSuccess()
        }
    }

    /// - Returns: The public half, without its comment.
    private func makeKey(_ name: String) async throws -> String {
        let path = directory.path(name)
        try await Command("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path])
            .run(deadline: .seconds(30)).requireSuccess()
        return try String(contentsOfFile: path + ".pub", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// Why a machine of a test is not as it should be.
package struct FleetFault: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Makes machines of these names and starts them; all of it is gone when the body is done.
package func withNamespaceFleet<Value>(
    _ plans: [NamespaceHost.Plan],
    _ body: (NamespaceFleet) async throws -> Value
) async throws -> Value {
    try await withTemporaryDirectory { directory in
        let fleet = try await NamespaceFleet(plans, in: directory)
        do {
            try await fleet.begin()
            let value = try await body(fleet)
            await fleet.end()
            return value
        } catch {
            await fleet.end()
            throw error
        }
    }
}
