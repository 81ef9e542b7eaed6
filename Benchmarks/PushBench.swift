// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat

/// What sending costs: many tiny paths over a long way, one large path, and memory.
struct PushBench {
    private static let roundTrip = Duration.milliseconds(60)
    static let largeBytes = 2_000_000_000

    let options: BenchmarkOptions
    let store: TemporaryNixStore

    init(_ options: BenchmarkOptions) throws {
        self.options = options
        let cache = try ClosureSource.cacheFolder()
        store = try TemporaryNixStore(root: "\(cache)/push", home: "\(cache)/home")
    }

    /// Whether somebody wants these figures.
    static func isWanted(_ options: BenchmarkOptions) -> Bool {
        options.only.isEmpty || options.only.contains { $0.lowercased().hasPrefix("push") }
    }

    /// Whether nobody wants any others.
    static func isAll(_ options: BenchmarkOptions) -> Bool {
        !options.only.isEmpty && options.only.allSatisfy { $0.lowercased().hasPrefix("push") }
    }

    func run(in directory: TemporaryDirectory) async throws {
        if wants("push tiny") { try await measureTiny(in: directory) }
        if wants("push large") { try await measureLarge() }
        if wants("push memory") { try await measureMemory() }
        try await runFirn()
    }

    func wants(_ row: String) -> Bool {
        options.only.isEmpty || options.only.contains { row.hasPrefix($0.lowercased()) }
    }

    private func measureTiny(in directory: TemporaryDirectory) async throws {
        let count = 949
        progress("making \(count) tiny paths")
        let top = try await store.build(Self.tinyPaths(count))[0]
        let list = try await store.closure(of: [top])
        report("\n\(Figure.header("nix copy to file"))")
        try await Figure(
            name: "push tiny, \(list.count) paths over 60 ms",
            unit: .seconds,
            bar: nil,
            limit: .total(5),
            maximumRounds: 5
        ) { side in
            guard side == .firn else {
                let folder = directory.path("copy-\(UInt32.random(in: 0 ... .max))")
                let start = ContinuousClock.now
                try await store.run(
                    "nix",
                    ["copy", "--to", "file://\(folder)?compression=zstd", top]
                )
                return (ContinuousClock.now - start).seconds
            }
            return try await Self.withStandIn { server in
                try await DelayRelay.run(to: server.port, roundTrip: Self.roundTrip) { relay in
                    let time = try await push([top], to: relay.port, server).time
                    guard server.completed.count == list.count else { throw Incomplete() }
                    return time.seconds
                }
            }
        }.run(rounds: options.rounds)
    }

    private func measureLarge() async throws {
        progress("making a path of \(Self.largeBytes / 1_000_000) MB")
        let large = try await store.build(Self.largePath(Self.largeBytes))[0]
        let file = store.location(of: large)
        report("\n\(Figure.header("zstd -3 -T1"))")
        try await Figure(
            name: "push large, \(Self.largeBytes / 1_000_000) MB",
            unit: .seconds,
            bar: 1.11,
            maximumRounds: 3
        ) { side in
            guard side == .firn else { return try await Self.zstdSeconds(file) }
            return try await Self.withStandIn { server in
                let time = try await push([large], to: server.port, server).time
                guard server.completed.count == 1 else { throw Incomplete() }
                return time.seconds
            }
        }.run(rounds: options.rounds)
    }

    static func zstdSeconds(_ file: String) async throws -> Double {
        let script = "exec zstd -3 -T1 -q -c \"$0\" > /dev/null"
        let start = ContinuousClock.now
        try await Command("/bin/sh", ["-c", script, file]).run(deadline: .seconds(600))
            .requireSuccess()
        return (ContinuousClock.now - start).seconds
    }

    private func measureMemory() async throws {
        progress("making 15,000 tiny paths and a sparse one of 50 GB")
        let many = try await store.build(Self.tinyPaths(15_000))[0]
        let sparse = try await store.build(Self.sparsePath("50G"))[0]
        for (name, path) in [("15,000 tiny paths", many), ("one sparse path of 50 GB", sparse)] {
            let row = try await Self.withStandIn { server in
                let (time, peak) = try await push([path], to: server.port, server)
                let verdict = Figure.word(peak < 256_000_000)
                return "push memory, \(name): at most \(peak / 1_000_000) MB resident"
                    + " (bar: < 256 MB, \(verdict)), \(Figure.format(time.seconds)) s"
            }
            report("\n\(row)")
        }
    }

    private static func withStandIn<Value>(
        _ body: (CachixStandIn) async throws -> Value
    ) async throws -> Value {
        var settings = CachixStandIn.Settings()
        settings.serverKey = try SecretKey.generate(name: "bench-1")
        settings.keepsBytes = false
        settings.checksBytes = false
        return try await CachixStandIn.run(settings, body)
    }

    /// Runs the command by way of a port.
    private func push(
        _ paths: [String],
        to port: UInt16,
        _ server: CachixStandIn
    ) async throws -> (time: Duration, peakBytes: Int) {
        let fixed = ["push", "cachix:test", "--host", "http://127.0.0.1:\(port)"]
        let result = try await run(
            fixed + ["--store", store.root] + paths,
            environment: ["CACHIX_AUTH_TOKEN": server.settings.token]
        )
        guard server.complaints.isEmpty else {
            throw Failure(description: "the stand-in complains: \(server.complaints)")
        }
        return result
    }

    /// Runs `firn`, and looks how much memory it takes.
    func run(
        _ arguments: [String],
        environment: [String: String]
    ) async throws -> (time: Duration, peakBytes: Int) {
        var command = Command(FirnServer.programme, arguments)
        command.environment["HOME"] = "/nonexistent"
        command.environment.merge(environment) { $1 }
        let start = ContinuousClock.now
        let nowhere = try FileHandle(forWritingTo: URL(filePath: "/dev/null"))
        let process = try command.start(output: nowhere, errors: nowhere)
        var peak = 0
        while process.exitStatus == nil {
            peak = max(peak, process.peakResidentBytes ?? 0)
            try await Task.sleep(for: .milliseconds(5))
        }
        let time = ContinuousClock.now - start
        guard process.exitStatus == 0 else {
            throw Failure(description: "push ended with \(process.exitStatus ?? -1)")
        }
        return (time, peak)
    }

    private struct Incomplete: Error {}

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A few hundred bytes each, which refer to two others each, and one path that refers to all.
    static func tinyPaths(_ count: Int) -> String {
        """
        let
          paths = builtins.genList path \(count - 2);
          at = builtins.elemAt paths;
          path = n: builtins.toFile "tiny-${toString n}"
            "path ${toString n} ${if n < 2 then "" else "${at (n / 2)} ${at (n / 3)}"}";
          all = builtins.toFile "all" (builtins.concatStringsSep "\\n" paths);
        in derivation {
          name = "tiny-top";
          system = builtins.currentSystem;
          builder = "/bin/sh";
          args = [ "-c" "echo ${all} >$out" ];
        }
        """
    }

    /// Programs and libraries of this machine, as much as there is and then again from the start.
    static func largePath(_ bytes: Int) -> String {
        let script = """
            for turn in 1 2 3 4 5 6 7 8; do
                find /usr /opt -xdev -type f -size +200k -exec cat {} +
            done 2>/dev/null | head -c \(bytes) > $out
            """
        return build("large", script)
    }

    static func sparsePath(_ size: String) -> String {
        build("sparse", "truncate -s \(size) $out")
    }

    static func build(_ name: String, _ script: String) -> String {
        """
        derivation {
          name = "\(name)";
          system = builtins.currentSystem;
          builder = "/bin/sh";
          args = [ "-c" '' \(script) '' ];
          PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
        }
        """
    }
}
