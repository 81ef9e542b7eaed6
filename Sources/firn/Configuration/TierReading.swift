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
    func requireOthers(
        than addresses: [ServeAddress],
        hostName: String?
    ) throws(ConfigurationError) {
        for (tier, origin) in zip(settings, urlOrigins) {
            for url in tier.urls {
                guard let own = addresses.first(where: { $0.isReached(by: url, hostName) }) else {
                    continue
                }
                throw .tierIsThisServer(name: tier.name, url: url, at: origin, listening: own)
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

extension ServeAddress {
    /// Whether a URL certainly leads to this listener on the machine itself.
    ///
    /// Addresses of the network are not looked at: they come and go, and the daemon finds out when it
    /// asks.
    fileprivate func isReached(by url: TierURL, _ hostName: String?) -> Bool {
        guard case .tcp(let host, let port) = self, port == url.port else { return false }
        let own = host.lowercased()
        if own == url.host { return true }
        let isWildcard = own == "::" || own == "0.0.0.0"
        guard isWildcard || Self.loopbackNames.contains(own) else { return false }
        if Self.loopbackNames.union(["::", "0.0.0.0"]).contains(url.host) { return true }
        if isWildcard, url.host.hasPrefix("127."), url.host.allSatisfy({ $0 == "." || $0.isNumber })
        {
            return true
        }
        guard let name = hostName?.lowercased(), !name.isEmpty else { return false }
        return url.host == name || url.host == name.prefix { $0 != "." }
    }

    private static let loopbackNames: Set<String> = ["127.0.0.1", "::1", "localhost"]
}
