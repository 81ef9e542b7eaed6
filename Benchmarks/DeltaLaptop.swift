// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc

/// What one update by one mode came to.
struct DeltaCost {
    var bytes = 0
    var seconds = 0.0
    var agentProcessor = 0.0
    var nixProcessor = 0.0
    var builderProcessor = 0.0
    var agentPeakBytes = 0
    var builderPeakBytes = 0

    /// The middle of each figure, as if it were one run.
    static func median(_ costs: [DeltaCost]) -> DeltaCost {
        let middle = { (figure: KeyPath<DeltaCost, Double>) in
            Figure.median(costs.map { $0[keyPath: figure] })
        }
        let middleInt = { (figure: KeyPath<DeltaCost, Int>) in
            Int(Figure.median(costs.map { Double($0[keyPath: figure]) }))
        }
        return DeltaCost(
            bytes: middleInt(\.bytes),
            seconds: middle(\.seconds),
            agentProcessor: middle(\.agentProcessor),
            nixProcessor: middle(\.nixProcessor),
            builderProcessor: middle(\.builderProcessor),
            agentPeakBytes: middleInt(\.agentPeakBytes),
            builderPeakBytes: middleInt(\.builderPeakBytes)
        )
    }
}

/// A laptop that has the first release, as often as it is wanted: its store is copied each time.
struct DeltaLaptop {
    private let store: String
    private let publicKey: String

    /// `publicKey` is the builder's.
    static func prepare(
        _ corpus: DeltaCorpusStore,
        trusting publicKey: String,
        in directory: TemporaryDirectory
    ) async throws -> DeltaLaptop {
        let folder = try directory.makeDirectory("laptop")
        let store = try TemporaryNixStore(root: "\(folder)/store", home: "\(folder)/home")
        try await store.initialise()
        let copy = ["copy", "--no-check-sigs", "--to", store.root, corpus.old]
        try await corpus.store.run("nix", copy)
        return DeltaLaptop(store: store.root, publicKey: publicKey)
    }

    /// Updates it with real Nix.
    ///
    /// - Parameters:
    ///   - path: What it is to have.
    ///   - mode: As in `delta = "…"`.
    ///   - builder: Where it comes from.
    ///   - port: Where that is reached.
    /// - Returns: From the start of the command to its end.
    /// - Throws: When the update fails.
    func update(
        to path: String,
        by mode: String,
        from builder: FirnServer,
        at port: UInt16
    ) async throws -> DeltaCost {
        try await withClient(.installed) { home in
            let copy = ["-a", "\(store)/.", home.store]
            try await Command("cp", copy).run(deadline: .seconds(300)).requireSuccess()
            var tier = TierSetup("builder", at: "http://127.0.0.1:\(port)", trusting: [publicKey])
            tier.lines = ["delta = \"\(mode)\""]
            var setup = ServerSetup(storeRoot: home.store)
            setup.depotLocation = "none"
            setup.tiers = [tier]
            return try await withServer(setup) { agent in
                home.use(cache: agent.url, trusting: publicKey)
                // It learns what its tier is when it asks it something.
                _ = try await agent.narInfoStatus(of: path)
                let (agentBefore, nixBefore) = (try Self.processor(agent), Self.childProcessor())
                let before = try Self.processor(builder)
                let start = ContinuousClock.now
                try await home.run("nix-store", ["--realise", path], deadline: .seconds(1_800))
                    .requireSuccess()
                var cost = DeltaCost()
                cost.seconds = (ContinuousClock.now - start).seconds
                cost.nixProcessor = Self.childProcessor() - nixBefore
                cost.agentProcessor = try Self.processor(agent) - agentBefore
                cost.builderProcessor = try Self.processor(builder) - before
                cost.bytes = try await Self.received(agent)
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

    /// The same of commands that have ended, with theirs: Nix, while nothing else does.
    private static func childProcessor() -> Double {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) {
            $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6
        }
    }
}
