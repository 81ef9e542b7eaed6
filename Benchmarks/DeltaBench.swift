// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// What an update costs a laptop: bytes, time over links of several speeds, processors and memory.
struct DeltaBench {
    private struct Update {
        let name: String
        let path: String
        /// What deltas may take of the bytes of the packed NARs.
        let bar: Double?
    }

    /// What one update by one mode came to.
    private struct Cost {
        var bytes = 0
        var seconds = 0.0
        var agentProcessor = 0.0
        var builderProcessor = 0.0
        var agentPeakBytes = 0
        var builderPeakBytes = 0
    }

    let options: BenchmarkOptions

    static func isWanted(_ options: BenchmarkOptions) -> Bool {
        options.only.contains { $0.lowercased().hasPrefix("delta") }
    }

    func run(in directory: TemporaryDirectory) async throws {
        let corpus = try await DeltaCorpusStore.open()
        let updates = [
            Update(name: "mass rebuild", path: corpus.rebuilt, bar: 0.001),
            Update(name: "release upgrade", path: corpus.upgraded, bar: 0.55),
            Update(name: "routine update", path: corpus.routine, bar: nil),
        ]
        let secret = directory.path("secret")
        let generate = ["--generate-binary-cache-key", "bench-1", secret, "\(secret).pub"]
        try await Command("nix-store", generate).run(deadline: .seconds(60)).requireSuccess()
        let key = try String(contentsOfFile: "\(secret).pub", encoding: .utf8)
        var setup = ServerSetup(storeRoot: corpus.store.root)
        setup.keys = [secret]
        setup.compression = "zstd"
        setup.depotSize = "20GB"
        if wants("delta bytes") { try await measureBytes(updates, corpus, setup, key) }
        if wants("delta times") { try await measureTimes(updates, corpus, setup, key) }
    }

    private func wants(_ row: String) -> Bool {
        options.only.contains { row.hasPrefix($0.lowercased()) }
    }

    private func measureBytes(
        _ updates: [Update],
        _ corpus: DeltaCorpusStore,
        _ setup: ServerSetup,
        _ key: String
    ) async throws {
        report("\n| update | paths | .nar.zst | deltas | share | zstd -3 --patch-from | bar |")
        report("|---|---|---|---|---|---|---|")
        try await withServer(setup) { builder in
            for update in updates {
                let paths = try await corpus.store.closure(of: [update.path])
                progress("waiting until \(paths.count) NARs of the \(update.name) are packed")
                try await builder.compressAhead(paths, within: .seconds(1_800))
                try await reportBytes(update, paths, corpus, builder, key)
            }
        }
    }

    private func measureTimes(
        _ updates: [Update],
        _ corpus: DeltaCorpusStore,
        _ setup: ServerSetup,
        _ key: String
    ) async throws {
        report("\n| update | Mbit/s | mode | s | MB | agent, CPU s | builder, CPU s | peak MB |")
        report("|---|---|---|---|---|---|---|---|")
        for update in updates {
            for megabits in [10.0, 100, 1_000] {
                for mode in ["never", "always", "auto"] {
                    // A builder that has packed NARs and no deltas.
                    let cost = try await withServer(setup) { builder in
                        let paths = try await corpus.store.closure(of: [update.path])
                        try await builder.compressAhead(paths, within: .seconds(1_800))
                        return try await self.update(update, mode, corpus, builder, key, megabits)
                    }
                    report(row(update, megabits, mode, cost))
                }
            }
        }
    }

    private func row(_ update: Update, _ megabits: Double, _ mode: String, _ cost: Cost) -> String {
        let peak = "\(cost.agentPeakBytes >> 20) and \(cost.builderPeakBytes >> 20)"
        let cells = [
            update.name, "\(Int(megabits))", mode, Figure.format(cost.seconds),
            Figure.format(Double(cost.bytes) / 1e6), Figure.format(cost.agentProcessor),
            Figure.format(cost.builderProcessor), peak,
        ]
        return "| \(cells.joined(separator: " | ")) |"
    }

    private func reportBytes(
        _ update: Update,
        _ paths: [String],
        _ corpus: DeltaCorpusStore,
        _ builder: FirnServer,
        _ key: String
    ) async throws {
        var packed = 0
        for path in paths {
            packed += Int(try await builder.narInfo(of: path)["FileSize"] ?? "0") ?? 0
        }
        let cost = try await self.update(update, "always", corpus, builder, key, nil)
        let byHand = try await patchedByHand(paths, corpus)
        let share = Double(cost.bytes) / Double(packed)
        let verdict =
            update.bar.map { "≤ \(Figure.format($0 * 100)) % \(Figure.word(share <= $0))" } ?? ""
        let sizes = [packed, cost.bytes].map { "\(Figure.format(Double($0) / 1e6)) MB" }
        let hand = "\(Figure.format(Double(byHand) / 1e6)) MB"
        let percent = "\(String(format: "%.3f", share * 100)) %"
        let cells = [update.name, "\(paths.count)"] + sizes + [percent, hand, verdict]
        report("| \(cells.joined(separator: " | ")) |")
    }

    /// Each path against the one of the same name in the first release, by the command `zstd`.
    private func patchedByHand(_ paths: [String], _ corpus: DeltaCorpusStore) async throws -> Int {
        let bases = try await corpus.store.closure(of: [corpus.old])
        let byName = Dictionary(bases.map { (Self.name($0), $0) }) { $1 }
        var sum = 0
        for path in paths {
            guard let base = byName[Self.name(path)] else { continue }
            let script = """
                nix-store --dump "$0" > base; nix-store --dump "$1" > target
                zstd -3 -qc --patch-from=base target | wc -c
                """
            let locations = [base, path].map(corpus.store.location)
            let output = try await withTemporaryDirectory { directory in
                let folder = try directory.makeDirectory("patch")
                let arguments = ["-euc", "cd \(folder); \(script)"] + locations
                return try await Command("/bin/sh", arguments).run(deadline: .seconds(300))
                    .requireSuccess().text
            }
            sum += Int(output.filter(\.isNumber)) ?? 0
        }
        return sum
    }

    /// Without hash and version.
    private static func name(_ path: String) -> String {
        let words = path.storeBaseName.dropFirst(33).split(separator: "-")
        return words.prefix(1).joined()
            + words.dropFirst().prefix { $0.first?.isNumber != true }.joined(separator: "-")
    }

    /// Updates a laptop that has the first release.
    private func update(
        _ update: Update,
        _ mode: String,
        _ corpus: DeltaCorpusStore,
        _ builder: FirnServer,
        _ key: String,
        _ megabits: Double?
    ) async throws -> Cost {
        guard let megabits else {
            return try await self.update(update, mode, corpus, builder, key, at: builder.port)
        }
        return try await DelayRelay.run(
            to: builder.port,
            roundTrip: .milliseconds(20),
            bytesPerSecond: megabits * 1e6 / 8
        ) { relay in
            try await self.update(update, mode, corpus, builder, key, at: relay.port)
        }
    }

    private func update(
        _ update: Update,
        _ mode: String,
        _ corpus: DeltaCorpusStore,
        _ builder: FirnServer,
        _ key: String,
        at port: UInt16
    ) async throws -> Cost {
        try await withClient(.installed) { home in
            try await home.run("nix-store", ["--init"]).requireSuccess()
            let copy = ["copy", "--no-check-sigs", "--to", home.store, corpus.old]
            try await corpus.store.run("nix", copy)
            var tier = TierSetup(
                "builder",
                at: "http://127.0.0.1:\(port)",
                trusting: [key.trimmingCharacters(in: .whitespacesAndNewlines)]
            )
            tier.lines = ["delta = \"\(mode)\""]
            var setup = ServerSetup(storeRoot: home.store)
            setup.depotLocation = "none"
            setup.tiers = [tier]
            return try await withServer(setup) { agent in
                home.use(
                    cache: agent.url,
                    trusting: key.trimmingCharacters(in: .whitespacesAndNewlines)
                )
                // Until the tier is known for what it is.
                try await Task.sleep(for: .seconds(2))
                let before = try Self.processor(builder)
                let start = ContinuousClock.now
                let realise = ["--realise", update.path]
                try await home.run("nix-store", realise, deadline: .seconds(1_800))
                    .requireSuccess()
                var cost = Cost()
                cost.seconds = (ContinuousClock.now - start).seconds
                cost.bytes = try await Self.received(agent)
                cost.agentProcessor = try Self.processor(agent)
                cost.builderProcessor = try Self.processor(builder) - before
                cost.agentPeakBytes = agent.process.peakResidentBytes ?? 0
                cost.builderPeakBytes = builder.process.peakResidentBytes ?? 0
                return cost
            }
        }
    }

    private static func received(_ agent: FirnServer) async throws -> Int {
        let lines = try await agent.get("/metrics").text.split(separator: "\n")
        let line = lines.first { $0.hasPrefix("firn_tier_nar_bytes_total{") }
        return line.flatMap { Double($0.split(separator: " ").last ?? "") }.map { Int($0) } ?? 0
    }

    /// Seconds of user and system time: fields 14 and 15 of `/proc/PID/stat`, in ticks of 10 ms.
    private static func processor(_ server: FirnServer) throws -> Double {
        let file = "/proc/\(server.process.identifier)/stat"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let fields = text.drop { $0 != ")" }.split(separator: " ").dropFirst()
        let ticks = fields.dropFirst(11).prefix(2).compactMap { Double($0) }
        return ticks.reduce(0, +) / 100
    }
}
