// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// NARs that come through Firn from another cache, against the other cache itself.
struct PullThrough {
    let files: ClosureFiles
    var originPort: UInt16
    var setup: TieredFirn.Setup
    let options: BenchmarkOptions

    /// Both times of some NARs that were got for the first time.
    private struct Times {
        /// The median of what one takes.
        var firstByte = 0.0
        var lastByte = 0.0
    }

    /// NARs of about the same size.
    private struct Sample {
        let name: String
        let paths: [ClosureFiles.Path]
    }

    func measure() async throws {
        let figures = samples.flatMap { sample in
            let first = Figure(
                name: "pull-through first byte, \(sample.name)",
                unit: .milliseconds,
                bar: nil,
                limit: .more(0.005)
            ) { try await get(sample.paths, connections: 1, $0).firstByte }
            let last = Figure(
                name: "pull-through last byte, \(sample.name)",
                unit: .milliseconds,
                bar: 1.1
            ) { try await get(sample.paths, connections: 1, $0).lastByte }
            return [first, last]
        }
        let whole = Figure(
            name: "pull-through last byte, closure, 4 connections",
            unit: .seconds,
            bar: 1.1
        ) { try await get(files.paths, connections: 4, $0).lastByte }
        let wanted = (figures + [whole]).filter { options.wants($0.name) }
        let links = Self.links.filter { options.wants($0.name) }
        guard !wanted.isEmpty || !links.isEmpty else { return }
        report("\n\(Figure.header("direct"))")
        for figure in wanted { try await figure.run(rounds: options.rounds) }
        for link in links { try await measure(over: link) }
    }

    /// A way to the other cache.
    private struct Link {
        let name: String
        let roundTrip: Duration
        var bytesPerSecond: Double?
    }

    private static let links = [
        Link(
            name: "pull-through last byte, closure over 1 Gbit/s, 4 connections",
            roundTrip: .milliseconds(1),
            bytesPerSecond: 125e6
        ),
        Link(
            name: "pull-through last byte, closure over 40 ms, 4 connections",
            roundTrip: .milliseconds(40)
        ),
    ]

    /// The same where the other cache is some way off, as it mostly is.
    private func measure(over link: Link) async throws {
        guard let tier = setup.tiers.first else { return }
        try await DelayRelay.run(
            to: originPort,
            roundTrip: link.roundTrip,
            bytesPerSecond: link.bytesPerSecond
        ) { relay in
            var distant = self
            distant.originPort = relay.port
            distant.setup.tiers = [
                TieredFirn.Tier(
                    url: "http://127.0.0.1:\(relay.port)",
                    publicKey: tier.publicKey
                )
            ]
            try await Figure(name: link.name, unit: .seconds, bar: 1.1) {
                try await distant.get(files.paths, connections: 4, $0).lastByte
            }.run(rounds: options.rounds)
        }
    }

    private var samples: [Sample] {
        let bySize = files.paths.sorted { $0.zstdSizeBytes < $1.zstdSizeBytes }
        let count = min(20, bySize.count)
        let small = bySize.drop { $0.zstdSizeBytes < 20_000 }.prefix(count)
        // The last is one large file, which is a sample of its own.
        let large = bySize.dropLast().suffix(count)
        return [small[...], large[...], bySize.suffix(1)].map { paths in
            let mean = paths.reduce(0) { $0 + $1.zstdSizeBytes } / max(paths.count, 1) / 1000
            let name = paths.count == 1 ? "\(mean) kB" : "\(paths.count) NARs of about \(mean) kB"
            return Sample(name: name, paths: Array(paths))
        }
    }

    /// Gets NARs from a Firn that has just started, or where it would get them itself.
    private func get(
        _ paths: [ClosureFiles.Path],
        connections: Int,
        _ side: Contest.Side
    ) async throws -> Times {
        guard side == .firn else {
            let targets = paths.map { "/nar/\($0.fileName(.zstd))" }
            return try await get(targets, paths, connections: connections, port: originPort)
        }
        return try await TieredFirn.run(setup) { firn in
            let targets = try await targets(of: paths, firn)
            return try await get(targets, paths, connections: connections, port: firn.port)
        }
    }

    private func targets(
        of paths: [ClosureFiles.Path],
        _ firn: TieredFirn
    ) async throws -> [String] {
        // What refers to the others comes first, as for Nix, so that Firn can ask ahead.
        let names = paths.reversed().map { "/\($0.storePath.storeHash).narinfo" }
        return try await getTexts(names, port: firn.port).reversed().map {
            "/\($0.narInfoField("URL") ?? "")"
        }
    }

    private func get(
        _ targets: [String],
        _ paths: [ClosureFiles.Path],
        connections: Int,
        port: UInt16
    ) async throws -> Times {
        let requests = targets.map { HTTPRequest($0).bytes }
        let expected = paths.reduce(0) { $0 + $1.zstdSizeBytes }
        guard connections == 1 else {
            let all = try await Downloader.getAll(requests, port: port, connections: connections)
            try require(all.bytes, expected)
            return Times(lastByte: all.time.seconds)
        }
        return try await onOwnThread {
            let downloader = try Downloader(port: port)
            let start = ContinuousClock.now
            let answers = try requests.map { try downloader.get($0) }
            let time = ContinuousClock.now - start
            try require(answers.reduce(0) { $0 + $1.bodyBytes }, expected)
            let firstBytes = answers.map(\.untilFirstByte.seconds)
            return Times(firstByte: Figure.median(firstBytes), lastByte: time.seconds)
        }
    }
}

private func require(_ bytes: Int, _ expected: Int) throws {
    guard bytes != expected else { return }
    throw Downloader.UselessAnswer(description: "\(bytes) bytes instead of \(expected)")
}

extension PullThrough {
    /// What was pulled once, from the depot, against nginx with the files of the depot.
    func measureWarm() async throws {
        try await TieredFirn.run(setup) { firn in
            let targets = try await keep(firn)
            let folder = firn.directory.path("nginx")
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/nar",
                withDestinationPath: "\(firn.depot)/nar"
            )
            try await NginxSite(folder: folder).serve { nginx in
                report("\n\(Figure.header("nginx"))")
                for connections in [1, 4, 16] {
                    let plural = connections == 1 ? "" : "s"
                    let name = "warm hit, closure, \(connections) connection\(plural)"
                    try await Figure(name: name, unit: .seconds, bar: 1.2) { side in
                        let requests = (0..<8).flatMap { _ in targets }
                            .map { HTTPRequest($0).bytes }
                        let port = side == .firn ? firn.port : nginx.port
                        return try await Downloader.getAll(
                            requests,
                            port: port,
                            connections: connections
                        ).time.seconds / 8
                    }.run(rounds: options.rounds)
                }
            }
        }
    }

    /// Pulls the closure and waits until the depot has all of it.
    ///
    /// - Returns: The targets of what it keeps.
    private func keep(_ firn: TieredFirn) async throws -> [String] {
        let pulled = try await targets(of: files.paths, firn).map { HTTPRequest($0).bytes }
        _ = try await Downloader.getAll(pulled, port: firn.port, connections: 4)
        progress("waiting until the depot has \(files.paths.count) NARs")
        let kept = files.paths.map { "/nar/\($0.fileName(.zstd))" }
        try await wait(for: "the closure in the depot", within: .seconds(300)) {
            try await Task.sleep(for: .milliseconds(300))
            return try await targets(of: files.paths, firn) == kept
        }
        return kept
    }
}
