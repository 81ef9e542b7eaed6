// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// What an update costs a laptop: bytes, time over links of several speeds, processors and memory.
struct DeltaBench {
    struct Update {
        let name: String
        let path: String
        /// What deltas may take of the bytes of the packed NARs.
        let bar: Double?
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
            .trimmingCharacters(in: .whitespacesAndNewlines)
        var setup = ServerSetup(storeRoot: corpus.store.root)
        setup.keys = [secret]
        setup.compression = "zstd"
        setup.depotSize = "20GB"
        let laptop = try await DeltaLaptop.prepare(corpus, trusting: key, in: directory)
        if wants("delta bytes") { try await measureBytes(updates, corpus, setup, laptop) }
        if wants("delta times") {
            // Packed once; what is kept of deltas goes before each run.
            setup.state = try directory.makeDirectory("builder")
            setup.depotLocation = directory.path("builder/depot")
            let times = DeltaTimes(corpus: corpus, setup: setup, laptop: laptop)
            try await times.measure(updates)
        }
    }

    private func wants(_ row: String) -> Bool {
        options.only.contains { row.hasPrefix($0.lowercased()) }
    }

    private func measureBytes(
        _ updates: [Update],
        _ corpus: DeltaCorpusStore,
        _ setup: ServerSetup,
        _ laptop: DeltaLaptop
    ) async throws {
        report("\n| update | paths | .nar.zst | deltas | share | zstd -3 --patch-from | bar |")
        report("|---|---|---|---|---|---|---|")
        try await withServer(setup) { builder in
            for update in updates {
                let paths = try await corpus.store.closure(of: [update.path])
                progress("waiting until \(paths.count) NARs of the \(update.name) are packed")
                try await builder.compressAhead(paths, within: .seconds(1_800))
                try await reportBytes(update, paths, corpus, builder, laptop)
            }
        }
    }

    private func reportBytes(
        _ update: Update,
        _ paths: [String],
        _ corpus: DeltaCorpusStore,
        _ builder: FirnServer,
        _ laptop: DeltaLaptop
    ) async throws {
        var packed = 0
        for path in paths {
            packed += Int(try await builder.narInfo(of: path)["FileSize"] ?? "0") ?? 0
        }
        let cost = try await laptop.update(
            to: update.path,
            by: "always",
            from: builder,
            at: builder.port
        )
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
}
