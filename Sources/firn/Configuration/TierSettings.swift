// SPDX-License-Identifier: Apache-2.0
package import CacheService
package import NixFormat

/// One `[[tier]]`: another binary cache behind this one.
///
/// Plain values, as in ``FirnConfiguration``; ``TierField/all`` ties them to the file. What is in the
/// files that it names is read by ``TierSecrets``.
package struct TierSettings: Hashable, Sendable {
    /// Which narinfos of the tier are believed.
    package enum Trust: String, CaseIterable, Sendable {
        /// Those with a signature by one of ``TierSettings/publicKeys``.
        case keys
        /// All of them.
        case none
    }

    /// A file, and the line that names it.
    package struct NamedFile: Hashable, Sendable {
        package var path: String
        package var origin: SettingOrigin

        package init(path: String, origin: SettingOrigin) {
            self.path = path
            self.origin = origin
        }
    }

    /// Unique among the tiers.
    package var name = ""
    /// Several ways to reach the same cache, in the user's order; at least one.
    package var urls: [TierURL] = []
    /// At least one where ``trust`` is ``Trust/keys``.
    package var publicKeys: [PublicKey] = []
    package var trust = Trust.keys
    /// Whether NARs come as what makes them out of older ones.
    package var delta = DeltaMode.auto
    /// At most one of this and ``tokenFile`` is there.
    package var netrc: NamedFile?
    package var tokenFile: NamedFile?
    /// As configured; ``negativeTTL`` is what is in force.
    package var configuredNegativeTTL: TimeSpan?

    /// A tier that is still to be filled in.
    package init() {}

    /// How long it is remembered that the tier does not have a path.
    ///
    /// A cache on the own network gets new paths all the time and is asked quickly; what is reached by
    /// HTTPS is far away and changes seldom.
    package var negativeTTL: TimeSpan {
        configuredNegativeTTL ?? TimeSpan(seconds: urls.contains(where: \.isEncrypted) ? 60 : 1)
    }
}

extension TierSettings {
    /// Names of tiers that every Firn has.
    package static let builtInNames: Set<String> = ["store", "depot"]
    package static let mostURLs = 8
}
