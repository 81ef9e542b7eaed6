// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import FirnAPI

extension CacheResponder {
    /// `api/v1/identity` and `api/v1/identity/NAME`: what `firn use` has to know.
    ///
    /// A cache that the one who asks may not know of is as one that is not there.
    func identity(_ cache: String?, _ facts: RequestFacts) async throws -> Answer {
        guard let cache else { return try json(ownIdentity(facts), facts) }
        guard let name = try? CacheName(parsing: cache) else { throw CacheError.notFound }
        let named = try requireNamedCaches()
        let visitor = try await visitor(facts, of: named)
        let found = try await named.find(name, for: visitor)
        let report = IdentityReport(
            version: node.version,
            name: "\(found.name)",
            storeDirectory: "\(tier.storeDirectory)",
            priority: found.settings.priority,
            publicKeys: ["\(found.publicKey)"]
        )
        return try json(report, facts)
    }

    /// Which caches stand behind this one is told to its own machine only.
    private func ownIdentity(_ facts: RequestFacts) -> IdentityReport {
        let tiers = cache.tierKeys().map { tier in
            IdentityReport.Tier(name: tier.name, publicKeys: tier.publicKeys.map { "\($0)" })
        }
        return IdentityReport(
            version: node.version,
            storeDirectory: "\(tier.storeDirectory)",
            priority: priority,
            publicKeys: tier.keys.publicKeys.map { "\($0)" },
            tiers: facts.isFromThisMachine ? tiers : nil
        )
    }
}
