// SPDX-License-Identifier: Apache-2.0
import CacheClient
import Caches
import ClientSetup
import Compression
import FirnAPI
import Foundation
import NixFormat

/// Asks one cache what a client would, within the time of one check.
struct CacheProbe {
    /// As in the settings, without parameters.
    let url: TierURL
    let role: CacheFacts.Role
    /// What its parameter says.
    let listedPriority: Int?
    let login: CacheLogin?
    /// Paths that this machine has, and the cache may have as well.
    let samples: [StorePath]
    let storeDirectory: StoreDirectory
    let limit: Duration

    /// A NAR that is fetched for a look is no larger.
    private static let largestSampleBytes: UInt64 = 1 << 20
    private static let mostQuestions = 16

    func run() async -> CacheFacts {
        var facts = CacheFacts(url: "\(url)", role: role, reach: .silent)
        facts.listedPriority = listedPriority
        facts.hasLogin = login != nil
        let deadline = ContinuousClock.now + limit
        let attempt = ConnectionAttempt(
            host: url.host,
            port: url.port,
            // In time to be told from a resolver that says nothing.
            deadline: deadline - .milliseconds(300)
        )
        switch await Bounded.run(limit, { attempt.run() }) {
        case .connected: break
        case .failed(let reach):
            facts.reach = reach
            return facts
        case nil:
            // A connection has its own alarm, so it was the name that took so long.
            facts.reach = .resolverSilent(reason: "no answer within \(Quantity.time(limit))")
            return facts
        }
        await open(&facts, deadline)
        guard facts.reach == .answers else { return facts }
        async let identity = identity(deadline)
        async let sample = sample(deadline)
        if let report = await identity {
            facts.advertisedKeys = report.publicKeys
            facts.firnVersion = report.version
        }
        facts.sample = await sample
        return facts
    }

    private func reader(_ deadline: ContinuousClock.Instant) -> CacheReader {
        let left = deadline - ContinuousClock.now
        return CacheReader(
            url: "\(url)",
            login: login,
            certificate: .trustedHere,
            limit: max(.milliseconds(50), left)
        )
    }

    private func open(_ facts: inout CacheFacts, _ deadline: ContinuousClock.Instant) async {
        let start = ContinuousClock.now
        do throws(CacheReader.Failure) {
            let opening = try await reader(deadline).open()
            facts.latency = ContinuousClock.now - start
            facts.reach = .answers
            facts.priority = opening.info.priority
            facts.storeDirectory = opening.info.storeDirectory?.path
            facts.clockOffsetSeconds = opening.date.map { Int($0.timeIntervalSinceNow.rounded()) }
        } catch {
            let isLate = deadline - ContinuousClock.now < .milliseconds(100)
            switch error {
            case .unreachable(_, let reason):
                facts.reach = isLate ? .silent : .broken(reason: reason)
            case .refused: facts.reach = .notAllowed
            case .noCache(_, let reason): facts.reach = .notACache(reason: reason)
            }
        }
    }

    /// Of the server, or of the cache whose name is the URL's last folder; `nil` for who is no Firn.
    private func identity(_ deadline: ContinuousClock.Instant) async -> IdentityReport? {
        var place = (url: url, name: String?.none)
        if let (parent, name) = url.parent, (try? CacheName(parsing: name)) != nil {
            place = (parent, name)
        }
        var limits = FirnConnection.Limits()
        limits.status = max(.milliseconds(50), deadline - ContinuousClock.now)
        let connection = FirnConnection(
            to: .web(url: "\(place.url)", certificate: .trustedHere),
            token: login?.password,
            limits: limits
        )
        return try? await connection.identity(of: place.name).body
    }

    /// The first path that the cache has as well, its NAR with it where that is small.
    private func sample(_ deadline: ContinuousClock.Instant) async -> CacheFacts.Sample? {
        let reader = reader(deadline)
        let directory = storeDirectory
        let infos = await withTaskGroup(of: NARInfo?.self) { group in
            for path in samples.prefix(Self.mostQuestions) {
                group.addTask {
                    (try? await reader.narInfo(path.hash, in: directory)) ?? nil
                }
            }
            return await group.reduce(into: [NARInfo]()) { if let info = $1 { $0.append(info) } }
        }
        let small = infos.min { $0.narSizeBytes < $1.narSizeBytes }
        guard let info = small else { return nil }
        return CacheFacts.Sample(
            info: info,
            storeDirectory: directory,
            bytes: await bytes(info, deadline)
        )
    }

    private func bytes(
        _ info: NARInfo,
        _ deadline: ContinuousClock.Instant
    ) async -> CacheFacts.Sample.Bytes {
        guard info.narSizeBytes <= Self.largestSampleBytes else {
            return .untried(reason: "none of those tried is small")
        }
        guard let packed = (try? await reader(deadline).nar(info)) ?? nil else {
            return .untried(reason: "the cache did not give it in time")
        }
        guard let hash = Self.hash(packed, info) else {
            return .untried(reason: "it is packed as \(info.compression)")
        }
        return hash == info.narHash ? .match : .differ
    }

    /// - Returns: `nil` for a packing that is not known here; of what is damaged, the hash of nothing.
    private static func hash(_ packed: [UInt8], _ info: NARInfo) -> NixHash? {
        let nothing = SHA256Hasher().finalize()
        let most = Int(largestSampleBytes)
        do {
            var decompressor = try Decompressor(method: info.compression)
            var output = [UInt8](repeating: 0, count: most + 1)
            let length = try unsafe output.withUnsafeMutableBytes { room in
                let taken = try unsafe packed.withUnsafeBytes {
                    try unsafe decompressor.decompress($0, into: room)
                }
                let rest = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: room[taken.producedBytes...]
                )
                return try unsafe taken.producedBytes
                    + (rest.isEmpty ? 0 : decompressor.finish(into: rest))
            }
            guard UInt64(length) == info.narSizeBytes else { return nothing }
            return SHA256Hasher.hash(Array(output[..<length]))
        } catch CompressionError.unsupported {
            return nil
        } catch {
            return nothing
        }
    }
}
