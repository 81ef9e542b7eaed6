// SPDX-License-Identifier: Apache-2.0
import Compression
import FirnTestSupport
import NixFormat
import Synchronization
import Testing
import Upstream

@testable import CacheService

/// What becomes of a NAR whose delta is of no use, or does not come.
@Suite struct DeltaFallbackTests {
    private func script(
        link: Double? = 1e6,
        measurement: @escaping @Sendable () async -> Bool = { false },
        many: @escaping @Sendable () async throws(UpstreamFailure) -> any NARByteStream = {
            () async throws(UpstreamFailure) -> any NARByteStream in throw .unavailable
        },
        _ delta: @escaping @Sendable (NARInfo) async throws(UpstreamFailure) -> CodedNARStream
    ) -> DeltaCache.Script {
        .init(
            linkBytesPerSecond: link,
            delta: delta,
            many: many,
            measurement: measurement
        )
    }

    private func withStand(
        targets: Int = 1,
        _ body: (DeltaStand) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            try await body(DeltaStand.make(targets: targets, in: directory))
        }
    }

    @Test func aGoodDeltaIsUsed() async throws {
        try await withStand { stand in
            let delta = try stand.delta()
            let builder = DeltaCache(
                stand.paths,
                script { _ in CodedNARStream(coding: .dcz, stream: SlowStream(delta)) }
            )
            let (cache, tier) = stand.cache(over: builder)
            #expect(try await stand.read(from: cache) == stand.nars[0])
            #expect(tier.deltas.totals.used == 1)
            #expect(builder.fileCount == 0)
        }
    }

    /// One that drips would come in an hour: Nix would have given up long before.
    @Test func aDeltaThatComesTooSlowlyIsGivenUp() async throws {
        try await withStand { stand in
            let delta = try stand.delta()
            let builder = DeltaCache(
                stand.paths,
                script { _ in
                    let stream = SlowStream(delta, pieceBytes: 1, every: .milliseconds(100))
                    return CodedNARStream(coding: .dcz, stream: stream)
                }
            )
            let (cache, tier) = stand.cache(over: builder, patience: .milliseconds(500))
            #expect(delta.count > 50)
            #expect(try await stand.read(from: cache) == stand.nars[0])
            #expect(tier.deltas.totals.used == 0)
            #expect(tier.deltas.totals.failures == 1)
        }
    }

    /// Whether or not its length is told, no more is taken than the NAR itself would be.
    @Test(arguments: [true, false])
    func aDeltaWithoutEndIsGivenUp(_ isLengthKnown: Bool) async throws {
        try await withStand { stand in
            let delta = try stand.delta() + [UInt8](repeating: 0, count: 1 << 20)
            let builder = DeltaCache(
                stand.paths,
                script { _ in
                    let stream = SlowStream(
                        delta,
                        isLengthKnown: isLengthKnown,
                        pieceBytes: 65_536
                    )
                    return CodedNARStream(coding: .dcz, stream: stream)
                }
            )
            let (cache, tier) = stand.cache(over: builder)
            #expect(try await stand.read(from: cache) == stand.nars[0])
            #expect(tier.deltas.totals.failures == 1)
        }
    }

    /// Many that wait for each other say nothing of the tier, which goes on being asked.
    @Test func wantOfRoomIsNotTheTiersFault() async throws {
        try await withStand(targets: 4) { stand in
            let delta = try stand.delta()
            let builder = DeltaCache(
                stand.paths,
                script { _ in CodedNARStream(coding: .dcz, stream: SlowStream(delta)) }
            )
            let (cache, tier) = stand.cache(over: builder, patience: .milliseconds(50))
            let all = try #require(
                SpoolMemory.Lease(NARRebuild.maximumArrivingBytes, within: cache.arrivingMemory)
            )
            for number in 1..<4 {
                #expect(try await stand.read(number, from: cache) == stand.nars[number])
            }
            #expect(tier.deltas.totals.failures == 0)
            #expect(!tier.deltas.isResting)
            all.giveBack(downTo: 0)
            #expect(try await stand.read(0, from: cache) == stand.nars[0])
            #expect(tier.deltas.totals.used == 1)
        }
    }

    /// The narinfo is older than the packed file: what came is used, and nobody asks again.
    @Test func whatWasPackedMeanwhileIsUsedAsItComes() async throws {
        try await withStand { stand in
            // Half of it can be packed.
            let compressor = try Compressor(method: .zstd)
            let nar = stand.nars[0] + [UInt8](repeating: 7, count: 500_000)
            var packed: [UInt8] = []
            try unsafe nar.withUnsafeBytes { try unsafe compressor.update($0, into: &packed) }
            try compressor.finish(into: &packed)
            var path = try ScriptedPath("kind0x-1.1", nar)
            let narHash = path.narInfo.narHash
            path.narInfo.compression = .none
            path.narInfo.url =
                "nar/\(path.narInfo.storePath.hash)-\(narHash.digestText(.nix32)).nar"
            let body = packed
            let builder = DeltaCache(
                [path],
                script { _ in CodedNARStream(coding: .zstd, stream: SlowStream(body)) }
            )
            let (cache, tier) = stand.cache(over: builder)
            _ = try await cache.resolveNARInfo(path.narInfo.storePath.hash)
            let request = NARRequest(
                storeHash: path.narInfo.storePath.hash,
                narHash: narHash,
                form: .identity
            )
            #expect(try await cache.read(request) == nar)
            #expect(builder.deltaCount == 1)
            #expect(builder.fileCount == 0)
            #expect(tier.deltas.totals.failures == 0)
        }
    }

    /// As where a proxy lets no question with a body pass: it is asked once, and not for each hundred.
    @Test func aQuestionForManyThatIsRefusedIsNotAskedAgain() async throws {
        try await withStand(targets: 12) { stand in
            let deltas = try (0..<12).map { try stand.delta($0) }
            let numbers = Dictionary(
                uniqueKeysWithValues: stand.paths.enumerated()
                    .map { ($1.narInfo.storePath.hash, $0) }
            )
            let builder = DeltaCache(
                stand.paths,
                script(
                    many: { () async throws(UpstreamFailure) -> any NARByteStream in
                        throw .malformed("no deltas, but status 405")
                    }
                ) { narInfo in
                    let delta = deltas[numbers[narInfo.storePath.hash] ?? 0]
                    return CodedNARStream(coding: .dcz, stream: SlowStream(delta))
                }
            )
            let (cache, tier) = stand.cache(over: builder)
            for round in [0..<6, 6..<12] {
                for number in round {
                    let hash = stand.paths[number].narInfo.storePath.hash
                    _ = try await cache.resolveNARInfo(hash)
                }
                for number in round {
                    #expect(try await stand.read(number, from: cache) == stand.nars[number])
                }
            }
            #expect(tier.deltas.totals.used == 12)
            #expect(builder.orderCount == 1)
        }
    }

    /// Nix waits a moment for the link to be measured, and not a moment for each NAR.
    @Test func aTierThatLetsNobodyMeasureIsWaitedForOnce() async throws {
        try await withStand { stand in
            let delta = try stand.delta()
            let builder = DeltaCache(
                stand.paths,
                script(
                    link: nil,
                    measurement: {
                        try? await Task.sleep(for: .seconds(600))
                        return false
                    }
                ) { _ in CodedNARStream(coding: .dcz, stream: SlowStream(delta)) }
            )
            let (cache, tier) = stand.cache(over: builder, .auto)
            #expect(try await stand.read(from: cache) == stand.nars[0])
            let began = ContinuousClock.now
            for _ in 0..<20 { await tier.deltas.link.measure(stand.paths[0].narInfo, of: tier) }
            // Not a second for each.
            #expect(began.duration(to: .now) < .seconds(10))
            #expect(builder.measurementCount == 1)
            #expect(tier.deltas.totals.used == 1)
        }
    }

    @Test func aMeasurementThatToldNothingIsNotRepeatedAtOnce() async throws {
        try await withStand(targets: 3) { stand in
            let deltas = try (0..<3).map { try stand.delta($0) }
            let builder = DeltaCache(
                stand.paths,
                script(link: nil) { _ in
                    CodedNARStream(coding: .dcz, stream: SlowStream(deltas[0]))
                }
            )
            let (_, tier) = stand.cache(over: builder, .auto)
            let link = LinkMeasurement()
            for path in stand.paths { await link.measure(path.narInfo, of: tier) }
            #expect(builder.measurementCount == 1)
            link.forget()
            await link.measure(stand.paths[0].narInfo, of: tier)
            #expect(builder.measurementCount == 2)
        }
    }
}
