// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
import NixFormat
import Upstream

extension NamedCaches {
    private static let pathsAtATime = 256
    private static let lookUpsAtOnce = 16
    /// For all of a question; what no upstream has said by then is to be sent.
    private static let upstreamPatience = Duration.seconds(8)

    /// Says what has to be done about each path, in their order.
    ///
    /// What is there counts as used: a push relies on it.
    ///
    /// - Throws: ``CacheError``.
    package func plan(
        _ questions: [PathQuestion],
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> [PathNeed] {
        let pusher = try await pusher(of: name, visitor)
        var needs = [PathNeed](repeating: .send, count: questions.count)
        for start in stride(from: 0, to: questions.count, by: Self.pathsAtATime) {
            let places = start..<min(start + Self.pathsAtATime, questions.count)
            let some = try await asking(within: configuration.changeDeadline) { [self] depot in
                try places.map { try need(of: questions[$0], pusher, depot) }
            }
            needs.replaceSubrange(places, with: some)
        }
        for (place, tier) in await upstreams(of: questions, needs, pusher.cache) {
            needs[place] = .elsewhere(upstream: tier)
        }
        return needs
    }

    /// How many bytes of files fit into a cache, after making room for so many.
    ///
    /// - Returns: `nil` where there is no quota.
    /// - Throws: ``CacheError/noRoom(_:)`` when there is no such room.
    package func room(
        for bytes: UInt64 = 0,
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> UInt64? {
        let pusher = try await pusher(of: name, visitor)
        guard let quota = pusher.cache.settings.quotaBytes else { return nil }
        if bytes > 0 { _ = try await takeShare(of: pusher.cache, bytes) }
        let used = try await asking { try $0.usage(of: name).sizeBytes }
        let taken = used + shares.sizeBytes(of: name)
        return quota > taken ? quota - taken : 0
    }

    private func need(
        of question: PathQuestion,
        _ pusher: Pusher,
        _ depot: NARDepot
    ) throws -> PathNeed {
        if try depot.useMember(question.path.hash, in: pusher.cache.name) != nil { return .present }
        if let maximum = pusher.cache.settings.maximumNARBytes, question.narSizeBytes > maximum {
            let reason =
                "cache \(pusher.cache.name) takes NARs of up to \(maximum) bytes (max-nar-size)"
            return .refused(reason: reason)
        }
        guard let key = try? key(question.path.hash, question.narHash) else {
            return .refused(reason: "NarHash is not a SHA-256")
        }
        return try depot.holds(key) ? .prove(nonce: nonce(for: key, pusher)) : .send
    }

    /// What upstreams have of that which somebody else has signed with one of their keys.
    private func upstreams(
        of questions: [PathQuestion],
        _ needs: [PathNeed],
        _ cache: NamedCache
    ) async -> [Int: String] {
        let tiers = upstreams(of: cache)
        let candidates = questions.indices.compactMap { place -> (Int, [RemoteTier])? in
            switch needs[place] {
            case .send, .prove: break
            case .present, .elsewhere, .refused: return nil
            }
            let signers = Set(questions[place].signedBy)
            let likely = tiers.filter { tier in
                tier.configuration.publicKeys.contains { signers.contains($0.name) }
            }
            return likely.isEmpty ? nil : (place, likely)
        }
        guard !candidates.isEmpty else { return [:] }
        let end = ContinuousClock.now + Self.upstreamPatience
        var found: [Int: String] = [:]
        await withTaskGroup(of: (Int, String?).self) { group in
            var rest = candidates[...]
            let startNext = { (group: inout TaskGroup<(Int, String?)>) in
                guard ContinuousClock.now < end, let (place, likely) = rest.popFirst() else {
                    return
                }
                group.addTask {
                    (place, await Self.tier(among: likely, having: questions[place].path))
                }
            }
            for _ in 0..<Self.lookUpsAtOnce { startNext(&group) }
            for await (place, name) in group {
                if let name { found[place] = name }
                startNext(&group)
            }
        }
        return found
    }

    private static func tier(among tiers: [RemoteTier], having path: StorePath) async -> String? {
        for tier in tiers {
            if case .found(let narInfo) = await tier.lookUp(path.hash), narInfo.storePath == path {
                return tier.name
            }
        }
        return nil
    }

    // MARK: What all steps need

    /// Somebody who may push to a cache, and that cache.
    struct Pusher: Sendable {
        let cache: NamedCache
        let principal: Principal
    }

    /// Whether somebody may push to a cache, and it can sign.
    ///
    /// - Throws: ``CacheError`` when not.
    package func requirePusher(of name: CacheName, _ visitor: Visitor) async throws {
        _ = try await pusher(of: name, visitor)
    }

    /// - Throws: ``CacheError/notFound``, ``CacheError/notAllowed(_:hasCredentials:)``, or
    ///   ``CacheError/storageUnavailable(_:)`` where the cache cannot sign.
    func pusher(of name: CacheName, _ visitor: Visitor) async throws -> Pusher {
        let cache = try await requireVisible(name, to: visitor)
        guard visitor.may(.push, name), let principal = Principal(visitor) else {
            throw CacheError.notAllowed(
                "this needs a token that allows push on \(name)",
                hasCredentials: visitor != .anonymous
            )
        }
        _ = try signingKey(of: cache)
        return Pusher(cache: cache, principal: principal)
    }

    /// How the depot calls a NAR that is pushed.
    func key(_ hash: StorePathHash, _ narHash: NixHash) throws -> ObjectKey {
        try ObjectKey(storeHash: hash, narHash: narHash, form: configuration.form)
    }

    /// The other caches that a cache relies on.
    func upstreams(of cache: NamedCache) -> [RemoteTier] {
        tiers.filter { tier in cache.settings.upstreams.map { $0.contains(tier.name) } ?? true }
    }
}
