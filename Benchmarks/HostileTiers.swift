// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Lookups that a second, healthy tier answers while the first one is dead or hostile.
struct HostileTiers {
    let files: ClosureFiles
    let healthy: TieredFirn.Tier
    let storeRoot: String
    let options: BenchmarkOptions

    private static let lookUps = 10

    func measure(originFolder: String) async throws {
        report(
            """

            | hostile first tier | 1st lookup | 10th lookup | bar |
            |---|---|---|---|
            """
        )
        try await row("none", url: nil)
        try await row("refused", url: "http://127.0.0.1:\(try ListeningSocket().port)")
        try await BlackHole.run { try await row("black hole", url: $0) }
        try await BlackHole.runSilent { try await row("silent", url: $0) }
        for (name, status) in [("500", 500), ("429", 429)] {
            try await row(name) { _ in
                .answer(status: status, type: "text/plain", body: "no\n")
            }
        }
        try await row("wrong signature") { request in
            let file = "\(originFolder)\(request.target)"
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            let parts = text.split(separator: "firn.bench-1:", maxSplits: 1)
            guard parts.count == 2 else { return .notFound }
            let changed = "\(parts[0])firn.bench-1:AAAA\(parts[1].dropFirst(4))"
            return .answer(status: 200, type: "text/x-nix-narinfo", body: changed)
        }
        try await row("garbage") { _ in .garbage }
        try await row("no such host", url: "http://cache.firn.invalid")
    }

    private func row(
        _ name: String,
        reply: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Reply
    ) async throws {
        try await withScriptedServer(reply: reply) { try await row(name, url: $0.url) }
    }

    private func row(_ name: String, url: String?) async throws {
        var tiers = [healthy]
        if let url {
            let first = TieredFirn.Tier(name: "first", url: url, publicKey: healthy.publicKey)
            tiers.insert(first, at: 0)
        }
        let setup = TieredFirn.Setup(storeRoot: storeRoot, tiers: tiers, hasDepot: false)
        var rounds: [[Double]] = []
        for _ in 0..<options.rounds {
            rounds.append(try await TieredFirn.run(setup) { try await lookUp($0.port) })
        }
        let first = Figure.median(rounds.map { $0[0] }) * 1000
        let last = Figure.median(rounds.map { $0[Self.lookUps - 1] }) * 1000
        let verdict = "≤ 2000, ≤ 100 ms \(Figure.word(first <= 2000 && last <= 100))"
        report("| \(name) | \(Figure.format(first)) ms | \(Figure.format(last)) ms | \(verdict) |")
    }

    /// Dependencies first, so that none is known ahead from what refers to it.
    private func lookUp(_ port: UInt16) async throws -> [Double] {
        let paths = files.paths.prefix(Self.lookUps).map(\.storePath)
        return try await onOwnThread {
            let connection = HTTPConnection(try StreamSocket.connect(port: port))
            return try paths.map { path in
                let start = ContinuousClock.now
                let answer = try connection.ask(HTTPRequest("/\(path.storeHash).narinfo"))
                guard answer.status == 200, answer.text.contains(path) else {
                    throw Downloader.UselessAnswer(description: "\(path): \(answer.status)")
                }
                return (ContinuousClock.now - start).seconds
            }
        }
    }
}

/// Addresses of this machine that do not answer.
enum BlackHole {
    /// Nothing comes back, as where packets are dropped: a queue of connections that is full.
    static func run<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        let listener = try ListeningSocket()
        _ = listen(listener.descriptor, 0)
        let first = try StreamSocket.connect(port: listener.port)
        defer { first.close() }
        let value = try await body("http://127.0.0.1:\(listener.port)")
        listener.stop()
        return value
    }

    /// Connections are taken, and nothing is ever said on them.
    static func runSilent<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        let listener = try ListeningSocket()
        let value = try await body("http://127.0.0.1:\(listener.port)")
        listener.stop()
        return value
    }
}

/// A thousand paths that nobody has, with every tier silent, against no tier at all.
enum UnknownPaths {
    static func measure(_ storeRoot: String, _ options: BenchmarkOptions) async throws {
        let letters = Array("0123456789abcdfghijklmnpqrsvwxyz")
        let paths = (0..<1_000).map { _ in
            "/nix/store/\(String((0..<32).map { _ in letters.randomElement() ?? "0" }))-unknown"
        }
        report("\n\(Figure.header("no tier"))")
        try await BlackHole.run { hole in
            try await BlackHole.runSilent { silent in
                let tiers = [("hole", hole), ("silent", silent), ("quiet", silent)].map {
                    TieredFirn.Tier(name: $0.0, url: $0.1)
                }
                try await Figure(
                    name: "unknown paths, 1,000 of them, nix-store --dry-run, 3 silent tiers",
                    unit: .seconds,
                    bar: nil,
                    limit: .more(2)
                ) { side in
                    let setup = TieredFirn.Setup(
                        storeRoot: storeRoot,
                        tiers: side == .firn ? tiers : [],
                        hasDepot: false
                    )
                    return try await TieredFirn.run(setup) { try await ask($0.url, paths) }
                }.run(rounds: options.rounds)
            }
        }
    }

    private static func ask(_ url: String, _ paths: [String]) async throws -> Double {
        try await withClient(.installed) { home in
            home.use(cache: url, trusting: nil)
            let start = ContinuousClock.now
            let outcome = try await home.run("nix-store", ["--realise", "--dry-run"] + paths)
            let time = (ContinuousClock.now - start).seconds
            let unknown = outcome.errors.split(separator: "-unknown").count - 1
            guard unknown == paths.count else {
                throw Downloader.UselessAnswer(description: String(outcome.errors.suffix(2000)))
            }
            return time
        }
    }
}
