// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// The same rows against a Firn that takes what is sent, on this machine.
extension PushBench {
    private static let roundTrip = Duration.milliseconds(60)

    /// A server with one cache, and who may push to it.
    private struct Site {
        let server: FirnServer
        let token: String
    }

    func runFirn() async throws {
        if wants("push firn tiny") { try await measureTinyToFirn() }
        if wants("push firn large") { try await measureLargeToFirn() }
        if wants("push firn memory") { try await measureMemoryToFirn() }
        if wants("push firn uploads") { try await measureUploadsToFirn() }
    }

    private func measureTinyToFirn() async throws {
        let count = 949
        progress("making \(count) tiny paths")
        let top = try await store.build(Self.tinyPaths(count))[0]
        let list = try await store.closure(of: [top])
        var times: [Double] = []
        for _ in 0..<5 {
            let time = try await withSite { site in
                try await DelayRelay.run(to: site.server.port, roundTrip: Self.roundTrip) {
                    try await push([top], to: $0.port, site).time
                }
            }
            times.append(time.seconds)
        }
        let median = Figure.median(times)
        report(
            "push firn tiny, \(list.count) paths over 60 ms: \(Figure.format(median)) s"
                + " (bar: < 5 s, \(Figure.word(median < 5)))"
        )
    }

    private func measureLargeToFirn() async throws {
        progress("making a path of \(Self.largeBytes / 1_000_000) MB")
        let large = try await store.build(Self.largePath(Self.largeBytes))[0]
        let file = store.location(of: large)
        report("\n\(Figure.header("zstd -3 -T1"))")
        try await Figure(
            name: "push firn large, \(Self.largeBytes / 1_000_000) MB",
            unit: .seconds,
            bar: 1.11,
            maximumRounds: 3
        ) { side in
            guard side == .firn else { return try await Self.zstdSeconds(file) }
            return try await withSite { try await push([large], to: $0.server.port, $0).time }
                .seconds
        }.run(rounds: options.rounds)
        try await withTemporaryDirectory { directory in
            let target = "file://\(directory.path("copy"))?compression=zstd"
            let start = ContinuousClock.now
            try await store.run("nix", ["copy", "--to", target, large])
            let seconds = (ContinuousClock.now - start).seconds
            report(
                "nix copy --to file://…?compression=zstd of the same: \(Figure.format(seconds)) s"
            )
        }
    }

    private func measureMemoryToFirn() async throws {
        progress("making 15,000 tiny paths and a sparse one of 50 GB")
        let many = try await store.build(Self.tinyPaths(15_000))[0]
        let sparse = try await store.build(Self.sparsePath("50G"))[0]
        for (name, path) in [("15,000 tiny paths", many), ("one sparse path of 50 GB", sparse)] {
            let row = try await withSite { site in
                let (time, peak) = try await push([path], to: site.server.port, site)
                let server = (site.server.process.peakResidentBytes ?? 0) / 1_000_000
                return "push firn memory, \(name): at most \(peak / 1_000_000) MB resident"
                    + " (bar: < 256 MB, \(Figure.word(peak < 256_000_000)));"
                    + " the server \(server) MB; \(Figure.format(time.seconds)) s"
            }
            report("\n\(row)")
        }
    }

    private func measureUploadsToFirn() async throws {
        progress("making 64 paths of 20 MB that do not compress")
        let paths = try await store.build(Self.randomPaths(count: 64, bytes: 20_000_000))
        let row = try await withSite { site in
            let (time, _) = try await push(paths, to: site.server.port, site)
            let server = (site.server.process.peakResidentBytes ?? 0) / 1_000_000
            return "push firn uploads, 64 at once: the server at most \(server) MB resident"
                + " (bar: < 100 MB, \(Figure.word(server < 100))), \(Figure.format(time.seconds)) s"
        }
        report("\n\(row)")
    }

    private func withSite<Value>(_ body: (Site) async throws -> Value) async throws -> Value {
        try await withNixStore { own in
            try await own.initialise()
            var setup = ServerSetup(storeRoot: own.root)
            setup.compression = "zstd"
            setup.depotSize = "60GB"
            return try await withServer(setup) { server in
                let end = ["--config", server.configurationPath]
                try await Self.firn(["cache", "create", "bench"] + end)
                let grant = ["--cache", "bench", "--allow", "push", "--expires", "1h"]
                let token = try await Self.firn(["token", "create"] + grant + end)
                return try await body(Site(server: server, token: token))
            }
        }
    }

    @discardableResult
    private static func firn(_ arguments: [String]) async throws -> String {
        let command = Command(
            FirnServer.programme,
            arguments,
            environment: Command.plainEnvironment
        )
        return try await command.run(deadline: .seconds(60)).requireSuccess().text
    }

    private func push(
        _ paths: [String],
        to port: UInt16,
        _ site: Site
    ) async throws -> (time: Duration, peakBytes: Int) {
        let fixed = ["push", "http://127.0.0.1:\(port)/bench", "--store", store.root]
        return try await run(fixed + paths, environment: ["FIRN_TOKEN": site.token])
    }

    private static func randomPaths(count: Int, bytes: Int) -> String {
        "builtins.genList (n: \(build("random-${toString n}", "head -c \(bytes) /dev/urandom > $out")))"
            + " \(count)"
    }
}
