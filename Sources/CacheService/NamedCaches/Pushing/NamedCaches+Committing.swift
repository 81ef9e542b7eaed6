// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
import Logging
package import NixFormat
import Synchronization

/// What became of a path that was to be seen.
package enum CommitResult: Hashable, Sendable {
    /// It can be, and has the cache's signature.
    case there(Signature?)
    /// Its NAR is not here from this sender.
    case absent
    case lacking(reason: String)
    /// To be asked again.
    case later(reason: String)
    case refused(reason: String)
}

extension NamedCaches {
    /// In one transaction; enough to share the waits for the disk among many.
    private static let pathsATransaction = 512

    /// Shows paths whose NARs are here, dependencies first.
    ///
    /// `texts`: Narinfos whose URLs are the names of their NARs in the depot.
    ///
    /// - Returns: What became of each, in their order.
    /// - Throws: ``CacheError`` where nothing can be said of any.
    package func commit(
        _ texts: [ArraySlice<UInt8>],
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> [(hash: StorePathHash, result: CommitResult)] {
        let pusher = try await pusher(of: name, visitor)
        let narInfos = try texts.map { try parse($0) }
        var results: [(StorePathHash, CommitResult)] = []
        for start in stride(from: 0, to: narInfos.count, by: Self.pathsATransaction) {
            let some = Array(narInfos[start..<min(start + Self.pathsATransaction, narInfos.count)])
            let committed = try await commit(some, pusher)
            results += zip(some.map(\.storePath.hash), committed)
            for (narInfo, result) in zip(some, committed) {
                if case .refused = result {
                    tally.of(name).refused.wrappingAdd(1, ordering: .relaxed)
                }
                guard case .there = result else { continue }
                tally.of(name).accepted.wrappingAdd(1, ordering: .relaxed)
                await releaseWaiting(on: narInfo.storePath.hash, in: name)
            }
        }
        return results
    }

    private func commit(_ narInfos: [NARInfo], _ pusher: Pusher) async throws -> [CommitResult] {
        let key = try signingKey(of: pusher.cache)
        let known = try await references(of: narInfos, pusher.cache)
        var results = [CommitResult?](repeating: nil, count: narInfos.count)
        var arrivals: [(place: Int, arrival: MemberArrival)] = []
        for (place, narInfo) in narInfos.enumerated() {
            let lacking = narInfo.references.filter { known.absent.contains($0.hash) }
            if let silent = narInfo.references.first(where: { known.unknown[$0.hash] != nil }) {
                let tier = known.unknown[silent.hash] ?? "an upstream"
                results[place] = .later(
                    reason: "\(tier), which may have \(silent), does not answer"
                )
            } else if !lacking.isEmpty {
                let error = Self.lacking(lacking, narInfo, pusher.cache.name)
                results[place] = .lacking(reason: error.reason)
            } else {
                let nar = staged.find(stagedKey(narInfo.storePath.hash, narInfo.narHash, pusher))
                guard try await isAllowed(narInfo, nar, pusher, &results[place]) else { continue }
                let required = Set(narInfo.references.map(\.hash))
                    .subtracting(known.elsewhere).subtracting([narInfo.storePath.hash])
                let arrival = MemberArrival(
                    sign(narInfo, by: key),
                    requiring: required,
                    from: nar?.upload
                )
                arrivals.append((place, arrival))
            }
        }
        guard !arrivals.isEmpty else { return results.map { $0 ?? .absent } }
        let added = try await add(arrivals.map(\.arrival), to: pusher.cache.name)
        for ((place, _), membership) in zip(arrivals, added) {
            results[place] = result(of: membership, narInfos[place], pusher, key)
        }
        return results.map { $0 ?? .absent }
    }

    /// Whether who sends the narinfo has had the NAR, or the path is there anyway.
    private func isAllowed(
        _ narInfo: NARInfo,
        _ nar: StagedNAR?,
        _ pusher: Pusher,
        _ result: inout CommitResult?
    ) async throws -> Bool {
        let hash = narInfo.storePath.hash
        guard let nar else {
            let isMember = try await asking { try $0.memberNARInfo(hash, in: pusher.cache.name) }
            if isMember == nil { result = .absent }
            return isMember != nil
        }
        do throws(CacheError) {
            try NARInfoCheckIn.require(narInfo, describes: nar)
            return true
        } catch {
            result = .refused(reason: error.reason)
            return false
        }
    }

    private func result(
        of membership: Membership,
        _ narInfo: NARInfo,
        _ pusher: Pusher,
        _ key: SecretKey
    ) -> CommitResult {
        switch membership {
        case .added(let kept), .updated(let kept):
            staged.remove(stagedKey(narInfo.storePath.hash, narInfo.narHash, pusher))
            logger.debug(
                "pushed",
                metadata: ["cache": "\(pusher.cache.name)", "path": "\(narInfo.storePath)"]
            )
            return .there(kept.narInfo.signatures.first { $0.keyName == key.name })
        case .conflict(let known):
            let error = Self.conflict(narInfo, known.narInfo, pusher.cache.name)
            return .refused(reason: error.reason)
        case .lacking(let hashes):
            let names = narInfo.references.filter { hashes.contains($0.hash) }
            return .lacking(reason: Self.lacking(names, narInfo, pusher.cache.name).reason)
        case .narMissing: return .absent
        case .changing: return .later(reason: "somebody else is bringing or removing the same path")
        case .cacheGone: return .refused(reason: "the cache was deleted")
        }
    }

    /// Reads one, and sees that its URL is that of its own NAR.
    private func parse(_ text: ArraySlice<UInt8>) throws -> NARInfo {
        let check = NARInfoCheckIn(directory: depot.configuration.storeDirectory)
        let narInfo = try check.parse(Array(text))
        let name = try? ObjectKey(
            storeHash: narInfo.storePath.hash,
            narHash: narInfo.narHash,
            form: .zstd
        )
        guard let name, narInfo.url == "nar/\(name)", narInfo.compression == .zstd else {
            throw CacheError.malformed(
                "the URL of \(narInfo.storePath) is not that of its NAR as seekable zstd"
            )
        }
        return narInfo
    }
}

extension CacheError {
    /// What a sender is told.
    var reason: String {
        switch self {
        case .malformed(let reason), .notAllowed(let reason, _), .conflict(let reason),
            .refused(let reason), .tooLarge(let reason), .noRoom(let reason),
            .tooMany(let reason):
            reason
        case .notFound: "it is not there"
        case .storageUnavailable: "the store does not answer at the moment"
        }
    }
}
