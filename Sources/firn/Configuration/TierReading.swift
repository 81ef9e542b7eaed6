// SPDX-License-Identifier: Apache-2.0

/// Turns the tables of a file into tiers, and refuses those that cannot be.
struct TierReading {
    private(set) var settings: [TierSettings] = []
    /// Where the URLs of each tier stand, for what only shows when the listeners are known.
    private var urlOrigins: [SettingOrigin] = []

    /// Reads the next table; relative paths start in `folder`.
    mutating func read(
        _ table: ConfigurationFile.Tier,
        folder: String
    ) throws(ConfigurationError) {
        var tier = TierSettings()
        // By line, so that the first mistake is the one that is told.
        for entry in table.entries.sorted(by: { $0.origin.line < $1.origin.line }) {
            guard let field = TierField.all.first(where: { $0.key == entry.setting }) else {
                continue
            }
            do throws(SettingProblem) {
                try field.apply(entry.input, folder, entry.origin, &tier)
            } catch {
                throw Self.badValue(field, entry.origin, error)
            }
            if field.key == "name", settings.contains(where: { $0.name == tier.name }) {
                let problem = SettingProblem.malformed(
                    tier.name,
                    reason: "is the name of an earlier tier"
                )
                throw Self.badValue(field, entry.origin, problem)
            }
        }
        try requireComplete(tier, table)
        settings.append(tier)
        urlOrigins.append(table.entries.first { $0.setting == "urls" }?.origin ?? table.origin)
    }

    /// Refuses a tier that this very server would be.
    func requireOthers(than own: OwnAddresses) throws(ConfigurationError) {
        for (tier, origin) in zip(settings, urlOrigins) {
            for url in tier.urls {
                guard let address = own.listener(reachedBy: url) else { continue }
                throw .tierIsThisServer(name: tier.name, url: url, at: origin, listening: address)
            }
        }
    }

    private func requireComplete(
        _ tier: TierSettings,
        _ table: ConfigurationFile.Tier
    ) throws(ConfigurationError) {
        if tier.name.isEmpty {
            throw .missingKey("tier.name", at: table.origin, advice: "every tier has a name")
        }
        if tier.urls.isEmpty {
            throw .missingKey(
                "tier.urls",
                at: table.origin,
                advice: "tier \"\(tier.name)\" needs at least one"
            )
        }
        if tier.publicKeys.isEmpty, tier.trust == .keys {
            throw .missingKey(
                "tier.public-keys",
                at: table.origin,
                advice: "name the keys that tier \"\(tier.name)\" signs with, or write "
                    + "trust = \"none\" to take what it says as it comes"
            )
        }
        if tier.netrc != nil, let token = tier.tokenFile {
            throw .excluded("tier.token-file", by: "tier.netrc", at: token.origin)
        }
    }

    private static func badValue(
        _ field: TierField,
        _ origin: SettingOrigin,
        _ problem: SettingProblem
    ) -> ConfigurationError {
        .badValue(
            of: "tier.\(field.key)",
            at: origin,
            expected: field.expected,
            problem: problem
        )
    }
}
