// SPDX-License-Identifier: Apache-2.0

/// What a pull brought, from where, and why not from nearer.
package struct PullReport: Codable, Hashable, Sendable {
    /// What one tier gave.
    package struct Share: Codable, Hashable, Sendable {
        package var name: String
        /// The one of its addresses that was used last; `nil` when none answered.
        package var address: String?
        package var paths: Int
        /// Unpacked.
        package var narBytes: UInt64
        /// As they came over the network, without heads.
        package var wireBytes: UInt64
        /// Why it was not used, or no longer, for people.
        package var trouble: String?
        /// What deltas saved, for a tier of the host's Firn that made some.
        package var deltas: Deltas?
        /// How often a path came from further away, or not at all, by why this tier did not give it.
        package var misses: [String: Int] = [:]

        package init(name: String) {
            self.name = name
            paths = 0
            narBytes = 0
            wireBytes = 0
        }

        private enum CodingKeys: String, CodingKey {
            case name, address, paths, trouble, misses, deltas
            case narBytes = "nar-bytes"
            case wireBytes = "wire-bytes"
        }
    }

    /// NARs that came as what makes them out of older ones.
    package struct Deltas: Codable, Hashable, Sendable {
        package var paths: Int
        /// What came for them.
        package var wireBytes: UInt64
        /// What would have come in the ordinary form.
        package var ordinaryBytes: UInt64

        package init(paths: Int, wireBytes: UInt64, ordinaryBytes: UInt64) {
            self.paths = paths
            self.wireBytes = wireBytes
            self.ordinaryBytes = ordinaryBytes
        }

        package var savedBytes: UInt64 {
            ordinaryBytes > wireBytes ? ordinaryBytes - wireBytes : 0
        }

        private enum CodingKeys: String, CodingKey {
            case paths
            case wireBytes = "wire-bytes"
            case ordinaryBytes = "ordinary-bytes"
        }
    }

    /// A path that a nearer tier did not give.
    package struct Miss: Codable, Hashable, Sendable {
        /// A base name.
        package var path: String
        /// The tier it came from in the end; `nil` when it did not come.
        package var from: String?
        /// In the order of the tiers.
        package var reasons: [MissReason]

        package init(path: String, from: String?, reasons: [MissReason]) {
            self.path = path
            self.from = from
            self.reasons = reasons
        }

        package var explanation: String {
            reasons.isEmpty ? "nobody was asked" : reasons.map(\.text).joined(separator: "; ")
        }
    }

    /// At most as many paths are explained singly; all are counted.
    package static let mostMisses = 40

    /// Whether the host had it all before.
    package var wasThere = false
    /// In the order in which they are asked; the host's own Firn first where it was used.
    package var tiers: [Share] = []
    package var misses: [Miss] = []
    /// Paths that were wanted and did not come.
    package var unfetchedPaths = 0
    /// The tiers of the host's Firn and what came in from each meanwhile, for whomever.
    package var behindAgent: [Share]?
    package var use: ResourceUse?

    package init() {}

    /// What a host fetched while it built for itself, as its Nix named the caches.
    ///
    /// - Parameters:
    ///   - fetched: What came, by the address of the cache.
    ///   - tiers: Whose names stand for their addresses.
    package init?(fetched: [String: Builder.Fetched], by tiers: [PullTier]) {
        guard !fetched.isEmpty else { return nil }
        self.tiers = fetched.sorted { $0.key < $1.key }.map { address, came in
            let tier = tiers.first { $0.addresses.contains { $0.hasPrefix(address) } }
            var share = Share(name: tier?.name ?? address)
            share.address = address
            share.paths = came.paths
            share.narBytes = came.narBytes
            share.wireBytes = came.wireBytes
            return share
        }
    }

    package var paths: Int { tiers.reduce(0) { $0 + $1.paths } }
    package var narBytes: UInt64 { tiers.reduce(0) { $0 + $1.narBytes } }
    package var wireBytes: UInt64 { tiers.reduce(0) { $0 + $1.wireBytes } }
    /// What deltas of the host's Firn saved; `nil` where there were none.
    package var savedBytes: UInt64? {
        let deltas = (behindAgent ?? []).compactMap(\.deltas)
        return deltas.isEmpty ? nil : deltas.reduce(0) { $0 &+ $1.savedBytes }
    }

    private enum CodingKeys: String, CodingKey {
        case tiers, misses, use
        case wasThere = "was-there"
        case unfetchedPaths = "unfetched-paths"
        case behindAgent = "behind-agent"
    }
}
