// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import NixStore

/// The narinfos of a closure as they are sent.
package struct ClosureAnswer: Sendable {
    /// - Shape: ``NixFormat/NARInfoClosure``, the path itself last.
    package let text: [UInt8]
    /// The tier that has the path itself.
    package let tierName: String
}

extension TieredCache {
    /// The narinfos of everything that a path needs, dependencies first, wherever its parts are: in the
    /// store, in the depot, or at other caches.
    ///
    /// It may be incomplete: what is not known within the budget of a lookup, or is more than the bounds
    /// of ``ClosureWalk``, is left out, and whoever reads it asks for that one by one. All who ask for
    /// the same at the same time, on behalf of the same nodes, share one walk.
    ///
    /// - Returns: `nil` when no tier has the path itself.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` as ``resolveNARInfo(_:)`` does.
    package func resolveClosure(_ hash: StorePathHash) async throws -> ClosureAnswer? {
        let question = RemoteQuestion(hash)
        let flight = closures.join(question) { [self] in
            do {
                return .success(try await ClosureWalk(self).run(from: hash))
            } catch {
                return .failure(error)
            }
        }
        return try await flight.wait()?.get() ?? nil
    }

    /// One path of a closure, from the nearest that has it; other caches are asked until the deadline.
    func closurePart(
        _ hash: StorePathHash,
        until deadline: ContinuousClock.Instant
    ) async -> ClosureWalk.Part? {
        // A store that does not answer leaves the path to others, and out where nobody has it.
        if let local = try? await store.resolve(hash) {
            return ClosureWalk.Part(
                answer: local.answer,
                references: local.info.references.map(\.hash)
            )
        }
        var answer = answers.recall(hash, keysVersion: store.keys.version)
        var unvouched: NARInfoAnswer?
        if answer == nil, let kept = await keptNARInfo(hash) {
            if kept.isVouchedFor { answer = kept.answer } else { unvouched = kept.answer }
        }
        let left = ContinuousClock.now.duration(to: deadline)
        if answer == nil, left > .zero, !tiers.isEmpty {
            var limits = TierRace.Limits()
            limits.budget = min(limits.budget, left)
            answer = await find(hash, limits)
        }
        guard let answer = answer ?? unvouched else { return nil }
        return ClosureWalk.Part(answer, in: storeDirectory)
    }
}
