// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot
import FirnAPI
import FirnTestSupport
import Logging
import NixFormat
import NixStore
import StoreTestSupport
import Synchronization
import Upstream

@testable import CacheService

/// A tier that makes deltas, and does with each what a test says.
final class DeltaCache: BinaryCache {
    struct Script: Sendable {
        /// `nil` as long as nobody has measured.
        var linkBytesPerSecond: Double?
        var delta: @Sendable (NARInfo) async throws(UpstreamFailure) -> CodedNARStream
        var many: @Sendable () async throws(UpstreamFailure) -> any NARByteStream
        var measurement: @Sendable () async -> Bool
    }

    private struct State {
        var script: Script
        var files = 0
        var deltas = 0
        var orders = 0
        var measurements = 0
    }

    private let plain: ScriptedCache
    private let state: Mutex<State>

    init(_ paths: [ScriptedPath], _ script: Script) {
        plain = ScriptedCache("builder", paths)
        state = Mutex(State(script: script))
    }

    var name: String { plain.name }
    var report: TierReport { plain.report }
    var servesDeltas: Bool { true }
    var linkBytesPerSecond: Double? { state.withLock { $0.script.linkBytesPerSecond } }

    /// Questions so far, by kind.
    var fileCount: Int { plain.openedOffsets.count }
    var deltaCount: Int { state.withLock { $0.deltas } }
    var orderCount: Int { state.withLock { $0.orders } }
    var measurementCount: Int { state.withLock { $0.measurements } }

    func lookUp(_ hash: StorePathHash) async -> LookUp { await plain.lookUp(hash) }

    func lookUpClosure(_ hash: StorePathHash) async -> [NARInfo]? { nil }

    func fetch(_ file: CacheFile) async -> FileLookUp { .absent }

    func openNAR(
        _ narInfo: NARInfo,
        from offset: UInt64,
        onAsk: @escaping @Sendable () -> Void
    ) async throws(UpstreamFailure) -> any NARByteStream {
        try await plain.openNAR(narInfo, from: offset, onAsk: onAsk)
    }

    func openNAR(
        _ narInfo: NARInfo,
        madeOf bases: [NARBase],
        at pace: UInt64?
    ) async throws(UpstreamFailure) -> CodedNARStream {
        let script = state.withLock { state in
            state.deltas += 1
            return state.script
        }
        return try await script.delta(narInfo)
    }

    func openDeltas(
        _ order: DeltaOrder,
        at pace: UInt64?
    ) async throws(UpstreamFailure) -> any NARByteStream {
        let script = state.withLock { state in
            state.orders += 1
            return state.script
        }
        return try await script.many()
    }

    func measureLink(by narInfo: NARInfo) async -> Bool {
        let script = state.withLock { state in
            state.measurements += 1
            return state.script
        }
        return await script.measurement()
    }
}

/// Bytes that come one piece after the other.
final class SlowStream: NARByteStream {
    let sizeBytes: UInt64?
    private let pieceBytes: Int
    private let pause: Duration
    private let rest: Mutex<ArraySlice<UInt8>>

    init(
        _ bytes: [UInt8],
        isLengthKnown: Bool = true,
        pieceBytes: Int = .max,
        every pause: Duration = .zero
    ) {
        sizeBytes = isLengthKnown ? UInt64(bytes.count) : nil
        self.pieceBytes = pieceBytes
        self.pause = pause
        rest = Mutex(bytes[...])
    }

    func next() async throws(UpstreamFailure) -> [UInt8]? {
        if pause > .zero { try? await Task.sleep(for: pause) }
        return rest.withLock { rest in
            let piece = Array(rest.prefix(pieceBytes))
            rest.removeFirst(piece.count)
            return piece.isEmpty ? nil : piece
        }
    }

    func isReady(until moment: ContinuousClock.Instant) async -> Bool { true }
}

/// An agent whose depot has a base for each of a few paths; all bases have the same bytes.
struct DeltaStand {
    let depot: NARDepot
    let base: [UInt8]
    let baseHash: NixHash
    /// Of each target, by its number.
    let nars: [[UInt8]]
    let paths: [ScriptedPath]

    /// A NAR with so much of what nothing can compress.
    static func nar(_ seed: UInt64, bytes: Int) -> [UInt8] {
        var state = seed &* 2 &+ 1
        return (0..<bytes).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    /// `bytes`: Of the base; each target has a little more.
    static func make(
        targets: Int = 1,
        bytes: Int = 300_000,
        in directory: TemporaryDirectory
    ) async throws -> DeltaStand {
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let depot = try NARDepot.open(
            DepotConfiguration(
                directory: directory.path("depot"),
                maximumSizeBytes: 1 << 30
            ),
            logger: silent
        )
        let base = nar(1, bytes: bytes)
        for number in 0..<targets {
            try put(base, as: .named("kind\(number)x-1.0"), in: depot)
        }
        let nars = (0..<targets).map { base + Array("number \($0)".utf8) }
        let paths = try nars.enumerated().map { number, nar in
            var path = try ScriptedPath("kind\(number)x-1.1", nar)
            let hash = path.narInfo.narHash.digestText(.nix32)
            path.narInfo.url = "nar/\(path.narInfo.storePath.hash)-\(hash).nar"
            path.narInfo.compression = .none
            return path
        }
        return DeltaStand(
            depot: depot,
            base: base,
            baseHash: SHA256Hasher.hash(base),
            nars: nars,
            paths: paths
        )
    }

    @discardableResult
    static func put(
        _ nar: [UInt8],
        as path: StorePath,
        in depot: NARDepot
    ) throws -> ObjectKey {
        let key = try ObjectKey(
            storeHash: path.hash,
            narHash: SHA256Hasher.hash(nar),
            form: .identity
        )
        let pending = try depot.begin(key)
        try unsafe nar.withUnsafeBytes { try unsafe pending.write($0) }
        _ = try pending.commit(
            describedBy: NARInfo(
                storePath: path,
                url: "nar/\(key)",
                compression: .none,
                narHash: key.narHash,
                narSizeBytes: UInt64(nar.count)
            )
        )
        return key
    }

    /// The delta of a target, as a builder makes it.
    func delta(_ number: Int = 0) throws -> [UInt8] {
        try DictionaryCompressedZstd.encode(
            nars[number],
            dictionary: base,
            hash: baseHash,
            with: PrefixCompressor()
        )
    }

    func cache(
        over tier: DeltaCache,
        _ mode: DeltaMode = .always,
        patience: Duration = .seconds(180)
    ) -> (cache: TieredCache, tier: RemoteTier) {
        let remote = RemoteTier(tier, .init(delta: mode)) { _ in false }
        let store = StoreTier(
            store: MemoryStore(),
            depot: depot,
            keys: SigningKeys([]),
            configuration: .init(),
            workers: WorkerThreads(name: "test", threads: 2, maximumQueued: 100),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let cache = TieredCache(
            store: store,
            tiers: [remote],
            configuration: .init(transitDirectory: "/tmp", deltaPatience: patience),
            logger: store.logger
        )
        return (cache, remote)
    }

    /// What a client does: it asks for the narinfo, and then for the NAR that it names.
    func read(_ number: Int = 0, from cache: TieredCache) async throws -> [UInt8] {
        let narInfo = paths[number].narInfo
        _ = try await cache.resolveNARInfo(narInfo.storePath.hash)
        return try await cache.read(
            NARRequest(
                storeHash: narInfo.storePath.hash,
                narHash: narInfo.narHash,
                form: .identity
            )
        )
    }
}
