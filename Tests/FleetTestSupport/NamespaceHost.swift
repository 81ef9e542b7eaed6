// SPDX-License-Identifier: Apache-2.0
package import FirnTestSupport
import Foundation
import Synchronization

/// One machine of a ``NamespaceFleet``.
package final class NamespaceHost: Sendable {
    /// How a machine is to be.
    package struct Plan: Sendable, ExpressibleByStringLiteral {
        package var name: String
        /// Whether `/run/systemd/system`, `systemctl` and `systemd-run` are there.
        package var hasSystemd = false
        /// Off until ``NamespaceHost/powerOn()``.
        package var startsAsleep = false
        /// Sizes of file systems of their own; `nil` is the test's folder.
        package var bootKiB: Int?
        package var varLibKiB: Int?
        package var nixKiB: Int?

        package init(_ name: String) { self.name = name }
        package init(stringLiteral value: String) { self.init(value) }
    }

    package let plan: Plan
    package let name: String
    /// On the fleet's network.
    package let address: String
    package let mac: String
    /// What the machine has on disk: `home`, `nix`, `var-lib`, `boot`, `bin`, `nix-conf`.
    package let folder: String
    private let directory: TemporaryDirectory
    private let network: Int32
    private let link: String
    private struct State {
        var place: Int32 = 0
        var machine: Int32?
        var processes: [RunningProcess] = []
    }
    private let state = Mutex(State())

    init(
        _ plan: Plan,
        number: Int,
        network: Int32,
        in directory: TemporaryDirectory
    ) {
        self.plan = plan
        self.network = network
        self.directory = directory
        name = plan.name
        address = "10.90.0.\(number)"
        mac = "02:f1:52:00:00:\(number < 16 ? "0" : "")\(String(number, radix: 16))"
        link = "port\(number)"
        folder = directory.path(name)
    }

    /// Writes what the machine finds on its disks.
    func prepare() throws {
        for inner in [
            "home", "home-admin", "nix/store", "nix/var/nix/profiles", "var-lib/fake-nixos",
            "boot", "bin", "nix-conf",
        ] {
            try directory.makeDirectory("\(name)/\(inner)")
        }
        try writeFiles()
    }

    private func writeFiles() throws {
        let commands = [
            "start-sshd": FleetScripts.startSSHD, "stop-sshd": FleetScripts.stopSSHD,
            "unit": FleetScripts.unit, "hang": FleetScripts.hang,
            "kill-supervisor": FleetScripts.killSupervisor,
        ]
        let ofSystemd = [
            "systemctl": FleetScripts.systemctl, "systemd-run": FleetScripts.systemdRun,
        ]
        for (command, text) in commands {
            try write(text, to: "bin/\(command)", mode: 0o755)
        }
        if plan.hasSystemd {
            for (command, text) in ofSystemd {
                try write(text, to: "bin/\(command)", mode: 0o755)
            }
            try write("", to: "has-systemd")
        }
        try write(FleetScripts.sshdConfiguration, to: "sshd_config")
        try write(FleetScripts.nixConfiguration, to: "nix-conf/nix.conf")
        // A star is no password; an exclamation mark would lock the account.
        try write(
            """
            root:*:0:0:root:\(folder)/home:/bin/sh
            admin:*:1000:1000:admin:\(folder)/home-admin:/bin/sh
            sshd:*:101:65534::/run/sshd:/usr/sbin/nologin
            nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin

            """,
            to: "passwd"
        )
    }

    private func write(_ text: String, to name: String, mode: Int = 0o644) throws {
        try directory.write(
            text.replacing("@folder@", with: folder),
            to: "\(self.name)/\(name)",
            mode: mode
        )
    }

    /// Plugs the machine's cable in; it stays in while the machine is off.
    func join() async throws {
        let process = try start(
            "nsenter",
            ["-t", "\(network)", "-m", "-p", "unshare", "--net", "sh"]
                + [directory.path("place.sh"), folder]
        )
        let place = try await NamespaceFleet.number("\(name)/place", in: directory)
        state.withLock {
            $0.processes.append(process)
            $0.place = place
        }
        let sizes = [("boot", plan.bootKiB), ("var-lib", plan.varLibKiB), ("nix", plan.nixKiB)]
        var script = """
            ip link add \(link) type veth peer name eth0 address \(mac) netns \(place)
            ip link set \(link) master lan up
            nsenter -t \(place) -n ip address add \(address)/24 dev eth0
            nsenter -t \(place) -n ip link set eth0 up
            """
        for (inner, size) in sizes {
            guard let size else { continue }
            script += "\nmount -t tmpfs -o mode=0755,size=\(size)k tmpfs \(folder)/\(inner)"
        }
        script += "\nmkdir -p \(folder)/nix/store \(folder)/nix/var/nix/profiles"
        script += "\nmkdir -p \(folder)/var-lib/fake-nixos"
        script += "\n: >>\(folder)/var-lib/fake-nixos/broken-units"
        // Mounts go into the network's mount namespace, of which every machine's is a copy.
        try await Command(
            "nsenter",
            ["-t", "\(network)", "-m", "-n", "sh", "-e", "-c", script]
        ).run(deadline: .seconds(30)).requireSuccess()
    }

    private func start(_ program: String, _ arguments: [String]) throws -> RunningProcess {
        let path = directory.path("log")
        guard let log = FileHandle(forWritingAtPath: path) else {
            throw CocoaError(.fileNoSuchFile)
        }
        try log.seekToEnd()
        return try Command(program, arguments).start(output: log, errors: log)
    }

    /// A command of this machine on the host's place on the network, also while the host is off: what
    /// a sleeping network card hears.
    package func listener(_ program: String, _ arguments: [String]) -> Command {
        let place = state.withLock { $0.place }
        return Command("nsenter", ["-t", "\(place)", "-n", program] + arguments)
    }

    /// Whether the machine runs.
    package var isOn: Bool { state.withLock { $0.machine != nil } }

    /// Starts the machine, and waits until its sshd listens.
    ///
    /// It activates what its boot loader names, if anything.
    package func powerOn() async throws {
        let place = state.withLock { $0.place }
        try? FileManager.default.removeItem(atPath: "\(folder)/machine")
        let process = try start(
            "nsenter",
            [
                "-t", "\(network)", "-m", "nsenter", "-t", "\(place)", "-n", "-p",
                "unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child",
                "sh", directory.path("machine.sh"), folder, name,
            ]
        )
        let machine = try await NamespaceFleet.number("\(name)/machine", in: directory)
        state.withLock {
            $0.processes.append(process)
            $0.machine = machine
        }
    }

    /// The power goes: every process ends at once, and `/run` is gone; disks stay.
    package func powerOff() async throws {
        guard let machine = state.withLock({ $0.machine.take() }) else { return }
        kill(machine, SIGKILL)
        try await wait(for: "end of \(name)", within: .seconds(60)) { kill(machine, 0) != 0 }
    }

    /// Takes the machine's cable out, or puts it in again.
    package func setCable(isIn: Bool) async throws {
        try await Command(
            "nsenter",
            ["-t", "\(network)", "-n", "ip", "link", "set", link, isIn ? "up" : "down"]
        ).run(deadline: .seconds(30)).requireSuccess()
    }

    /// What came to and went from the machine over the network since it was plugged in.
    package func networkBytes() async throws -> (received: Int, sent: Int) {
        let place = state.withLock { $0.place }
        let text = try await Command(
            "nsenter",
            ["-t", "\(place)", "-n", "cat", "/proc/self/net/dev"]
        )
        .run(deadline: .seconds(30)).requireSuccess().text
        for line in text.split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == ":" })
            guard words.first == "eth0", words.count > 9, let received = Int(words[1]),
                let sent = Int(words[9])
            else { continue }
            return (received, sent)
        }
        throw FleetFault(description: "no eth0 in \(text)")
    }

    /// A command that runs on the machine as root, without ssh.
    ///
    /// The programme is found in the machine's `PATH`. Ending the command ends what it runs.
    package func command(_ program: String, _ arguments: [String] = []) throws -> Command {
        guard let machine = state.withLock({ $0.machine }) else {
            throw FleetFault(description: "\(name) is off")
        }
        let environment = [
            "PATH=\(folder)/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "NIX_CONF_DIR=\(folder)/nix-conf", "HOME=\(folder)/home", "LC_ALL=C.UTF-8",
        ]
        let entering = ["-t", "\(machine)", "-m", "-n", "-p", "-u", "-i", "--wd=\(folder)/home"]
        return Command("nsenter", entering + ["env", "-i"] + environment + [program] + arguments)
    }

    /// Runs a command on the machine, which has to end with 0.
    @discardableResult
    package func run(_ program: String, _ arguments: [String] = []) async throws -> CommandOutcome {
        try await command(program, arguments).run(deadline: .seconds(120)).requireSuccess()
    }

    /// Runs lines of shell on the machine, which have to end with 0.
    @discardableResult
    package func sh(_ script: String, _ arguments: [String] = []) async throws -> String {
        try await run("sh", ["-c", script, "sh"] + arguments).text
    }

    /// Builds an expression in the machine's store, and returns the one path.
    package func build(_ expression: String) async throws -> String {
        let file = "\(name)/expression-\(UInt32.random(in: 0...UInt32.max)).nix"
        try directory.write(expression, to: file)
        return try await run("nix-build", ["--no-out-link", directory.path(file)]).text
    }

    package func build(_ system: FakeSystem) async throws -> String {
        try await build(system.expression)
    }

    /// Makes a system what runs, boots and is in the profile, as an installation does.
    @discardableResult
    package func install(_ system: FakeSystem) async throws -> String {
        let path = try await build(system)
        try await install(path)
        return path
    }

    /// The same with a system that is in the machine's store.
    package func install(_ path: String) async throws {
        try await sh(
            """
            set -e
            nix-env -p /nix/var/nix/profiles/system --set "$1"
            "$1/bin/switch-to-configuration" boot
            "$1/bin/switch-to-configuration" test || [ $? = 4 ]
            ln -sfn "$1" /run/booted-system
            """,
            [path]
        )
    }

    /// What runs, what the profile names, and what would be booted.
    package func systems() async throws -> (running: String, profile: String, boots: String) {
        let text = try await sh(
            """
            readlink -f /run/current-system
            readlink -f /nix/var/nix/profiles/system
            cat /boot/default
            """
        )
        let lines = text.split(separator: "\n").map(String.init)
        guard lines.count == 3 else { throw FleetFault(description: text) }
        return (lines[0], lines[1], lines[2])
    }

    /// What `switch-to-configuration` was asked: `begin ACTION SYSTEM`, `end ACTION SYSTEM CODE`.
    package func actions() async throws -> [String] {
        try await sh("cat /var/lib/fake-nixos/actions").split(separator: "\n").map(String.init)
    }
}
