// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation

/// What deployments cost: the strategies on one closure, and many hosts at once.
///
/// Machines are namespaces on one bridge, with stores of their own and a real sshd; what passes
/// through the one that deploys is read from its network card.
struct FleetBench {
    private static let payloadKiB = 200 * 1_024
    private static let hostsAtOnce = 4
    /// The bar of the design: what the deployer carries for any closure, by its network card.
    private static let mostDeployerBytes = 65_536

    let options: BenchmarkOptions

    static func isWanted(_ options: BenchmarkOptions) -> Bool {
        options.only.isEmpty || options.only.contains { $0.lowercased().hasPrefix("fleet") }
    }

    static func isAll(_ options: BenchmarkOptions) -> Bool {
        !options.only.isEmpty && options.only.allSatisfy { $0.lowercased().hasPrefix("fleet") }
    }

    func run() async throws {
        let strategies = ["builder", "target", "here"]
        let crowd = (1...Self.hostsAtOnce).map { "crowd\($0)" }
        let names = ["desk", "p620"] + strategies.map { "via-\($0)" } + crowd
        try await withNamespaceFleet(names.map { NamespaceHost.Plan($0) }) { fleet in
            progress("installing \(names.count - 1) machines")
            for host in fleet.hosts.dropFirst() {
                try await host.install(FakeSystem(host.name, version: "0"))
            }
            let bench = try await FleetBenchRun(
                fleet: fleet,
                payloadKiB: Self.payloadKiB,
                named: names.dropFirst(2).map { $0 }
            )
            defer { bench.server.send(signal: SIGTERM) }
            report("\n| strategy | deployer carries | wall | host's CPU | host fetched | bar |")
            report("|---|---|---|---|---|---|")
            for strategy in strategies {
                let measured = try await bench.deploy(["via-\(strategy)"], via: strategy)
                guard let receipt = measured.receipts.first else { continue }
                let isBound = strategy == "builder"
                let verdict = Figure.word(measured.deployerBytes < Self.mostDeployerBytes)
                let bar = isBound ? "< 64 KiB \(verdict)" : ""
                report(
                    "| via \(strategy) | \(measured.deployerBytes) B | "
                        + "\(Figure.format(measured.seconds)) s | "
                        + "\(Figure.format(receipt.use?.cpuSeconds ?? .nan)) s | "
                        + "\(receipt.pull?.wireBytes ?? 0) B | \(bar) |"
                )
            }
            try await measureCrowd(bench, crowd)
        }
    }

    /// The hosts' own times add up to what a deploy one after the other would take.
    private func measureCrowd(_ bench: FleetBenchRun, _ crowd: [String]) async throws {
        let measured = try await bench.deploy(crowd, via: "builder")
        let sum = measured.receipts.reduce(0) { $0 + $1.took.duration.seconds }
        report(
            "\nfleet makespan: \(crowd.count) hosts at once \(Figure.format(measured.seconds)) s, "
                + "the sum of their times \(Figure.format(sum)) s, ratio "
                + Figure.format(measured.seconds / sum)
        )
    }
}

/// Machines with a Firn on the builder, and one that deploys.
private struct FleetBenchRun {
    struct Measured {
        var seconds: Double
        /// Received and sent by the network card of the machine that deploys.
        var deployerBytes: Int
        var receipts: [Receipt]
    }

    let fleet: NamespaceFleet
    let server: RunningProcess
    private let file: String

    init(fleet: NamespaceFleet, payloadKiB: Int, named hosts: [String]) async throws {
        self.fleet = fleet
        let directory = fleet.directory
        try await fleet["p620"].run(
            "nix-store",
            ["--generate-binary-cache-key", "p620-1"]
                + ["sec", "pub"].map { directory.path("key.\($0)") }
        )
        let key = try String(contentsOfFile: directory.path("key.pub"), encoding: .utf8)
        var text = """
            [[tier]]
            name = "p620"
            urls = ["http://p620:5000"]
            public-keys = ["\(key.trimmingCharacters(in: .whitespacesAndNewlines))"]
            [hosts.p620]
            user = "root"
            configuration = { file = "p620.nix" }

            """
        for name in hosts {
            var system = FakeSystem(name, version: "1")
            system.payloadKiB = payloadKiB
            try directory.write(system.expression, to: "\(name).nix")
            text += """
                [hosts.\(name)]
                user = "root"
                builder = "p620"
                configuration = { file = "\(name).nix" }

                """
        }
        try directory.write(FakeSystem("p620", version: "1").expression, to: "p620.nix")
        file = try directory.write(text, to: "firn.toml")
        let own = "[signing]\nkeys = [\"\(directory.path("key.sec"))\"]\n"
        let configuration = try directory.write(own, to: "p620.toml")
        let log = try directory.write("", to: "p620.log")
        guard let output = FileHandle(forWritingAtPath: log) else {
            throw CocoaError(.fileWriteUnknown)
        }
        server = try fleet["p620"].command(
            FirnServer.programme,
            ["serve", "--config", configuration]
        ).start(output: output, errors: output)
        try await wait(for: "p620's Firn", within: .seconds(60)) {
            try String(contentsOfFile: log, encoding: .utf8).contains(":5000")
        }
    }

    func deploy(_ hosts: [String], via: String) async throws -> Measured {
        progress("deploying to \(hosts.joined(separator: ", ")) via \(via)")
        let desk = fleet["desk"]
        let before = try await desk.networkBytes()
        let start = ContinuousClock.now
        try await desk.run(
            FirnServer.programme,
            ["deploy", "--config", file, "--via", via, "--parallel", "\(hosts.count)"] + hosts
        )
        let seconds = (ContinuousClock.now - start).seconds
        let after = try await desk.networkBytes()
        let lines = try await desk.run(
            FirnServer.programme,
            ["report", "--config", file, "--json", "--last", "0"] + hosts
        ).lines
        return Measured(
            seconds: seconds,
            deployerBytes: after.received - before.received + after.sent - before.sent,
            receipts: try lines.map { try FirnJSON.parse($0.utf8, as: Receipt.self) }
        )
    }
}
