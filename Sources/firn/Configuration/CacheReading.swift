// SPDX-License-Identifier: Apache-2.0
import Caches

/// Turns the tables of a file into caches, and refuses those that cannot be.
struct CacheReading {
    private(set) var caches: [DeclaredCache] = []

    mutating func read(_ table: ConfigurationFile.Tier) throws(ConfigurationError) {
        var draft = DeclaredCache.Draft()
        // By line, so that the first mistake is the one that is told.
        for entry in table.entries.sorted(by: { $0.origin.line < $1.origin.line }) {
            guard let field = CacheField.all.first(where: { $0.key == entry.setting }) else {
                continue
            }
            do throws(SettingProblem) {
                try field.apply(entry.input, &draft)
            } catch {
                throw Self.badValue(field.key, field.expected, entry.origin, error)
            }
            if field.key == "name", let name = draft.name,
                caches.contains(where: { $0.name == name })
            {
                let problem = SettingProblem.malformed(
                    "\(name)",
                    reason: "is the name of an earlier cache"
                )
                throw Self.badValue(field.key, field.expected, entry.origin, problem)
            }
        }
        guard let name = draft.name else {
            throw .missingKey("cache.name", at: table.origin, advice: "every cache has a name")
        }
        let origin = table.entries.first { $0.setting == "upstreams" }?.origin ?? table.origin
        caches.append(DeclaredCache(name: name, settings: draft.settings, origin: origin))
    }

    /// Refuses upstreams that are no tiers, and caches where nothing is kept.
    func requireSense(in configuration: FirnConfiguration) throws(ConfigurationError) {
        let tiers = configuration.tiers.map(\.name)
        for cache in caches {
            for name in cache.settings.upstreams ?? [] where !tiers.contains(name) {
                throw Self.badValue(
                    "upstreams",
                    "an array of names of tiers",
                    cache.origin,
                    .malformed(name, reason: "is the name of no [[tier]]")
                )
            }
            guard configuration.depotDirectory != nil else {
                throw .excluded("[[cache]]", by: "depot.location = \"none\"", at: cache.origin)
            }
        }
    }

    private static func badValue(
        _ key: String,
        _ expected: String,
        _ origin: SettingOrigin,
        _ problem: SettingProblem
    ) -> ConfigurationError {
        .badValue(of: "cache.\(key)", at: origin, expected: expected, problem: problem)
    }
}
