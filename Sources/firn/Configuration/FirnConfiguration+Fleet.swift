// SPDX-License-Identifier: Apache-2.0
package import Fleet

extension FirnConfiguration {
    /// Hosts that have a `mac`, by the tier that is their Firn.
    package var wakeable: [String: String] {
        Dictionary(
            hosts.filter { $0.mac != nil }.map { ($0.cache ?? "\($0.name)", "\($0.name)") },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// The hosts, what holds for their deploys, and the caches that they may pull from.
    ///
    /// - Throws: ``Fleet/PullTier/Unusable`` for a tier that a host cannot be told of.
    package func roster() throws -> FleetRoster {
        var settings = FleetSettings()
        settings.flake = deploy.flake
        settings.via = deploy.via
        settings.parallel = deploy.parallel
        settings.offline = deploy.offline
        settings.canary = deploy.canary
        settings.confirmTimeout = deploy.confirmTimeout.duration
        settings.activationTimeout = deploy.activationTimeout.duration
        settings.wakeTimeout = deploy.wakeTimeout.duration
        settings.allowsTargetBuild = deploy.allowsTargetBuild
        settings.evaluationMemoryBytes = deploy.evaluationMemory.bytes
        return FleetRoster(
            hosts: hosts.map { $0.host(flake: deploy.flake) },
            settings: settings,
            tiers: try tiers.map { tier in
                try PullTier(
                    name: tier.name,
                    addresses: tier.urls.map(\.description),
                    publicKeys: tier.publicKeys.map { "\($0)" }
                )
            }
        )
    }
}
