// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A cache, and what came of asking it.
package struct CacheFacts: Sendable {
    /// Why it is looked at.
    package enum Role: Hashable, Sendable {
        /// Nix shall ask it; `reason` says who wants that.
        case wanted(reason: String)
        /// Nix asks it.
        case listed
        /// The daemon asks it, under this name.
        case tier(String)
        /// It is the daemon of this machine.
        case own
    }

    /// How far a question came.
    package enum Reach: Hashable, Sendable {
        case answers
        case noSuchName
        /// The resolver says nothing, or that it cannot know.
        case resolverSilent(reason: String)
        case noRoute(reason: String)
        case refused
        /// Nobody answers to the attempt to connect: switched off, asleep, or behind a filter.
        case blackHole
        /// Somebody takes the connection, and then says nothing.
        case silent
        case broken(reason: String)
        /// It is there, and does not let this machine read.
        case notAllowed
        case notACache(reason: String)
    }

    /// A path that this machine has as well, as the cache has it.
    package struct Sample: Sendable {
        package enum Bytes: Hashable, Sendable {
            case match
            case differ
            /// It was too large, or the like.
            case untried(reason: String)
        }

        package var info: NARInfo
        package var storeDirectory: StoreDirectory
        package var bytes: Bytes

        package init(info: NARInfo, storeDirectory: StoreDirectory, bytes: Bytes) {
            self.info = info
            self.storeDirectory = storeDirectory
            self.bytes = bytes
        }
    }

    /// As it is written in the settings, without its parameters.
    package var url: String
    package var role: Role
    package var reach: Reach
    /// From the question to the answer; `nil` without one.
    package var latency: Duration?
    /// As its `nix-cache-info` has it.
    package var priority: Int?
    /// Of the URL's parameter, which wins.
    package var listedPriority: Int?
    package var storeDirectory: String?
    /// Its clock less ours, in seconds.
    package var clockOffsetSeconds: Int?
    /// What a Firn says that it signs with; `nil` for others.
    package var advertisedKeys: [String]?
    package var firnVersion: String?
    package var sample: Sample?
    /// Whether it was asked with a login.
    package var hasLogin = false

    package init(url: String, role: Role, reach: Reach) {
        self.url = url
        self.role = role
        self.reach = reach
    }

    /// What Nix sorts by; a cache that says nothing comes first.
    package var effectivePriority: Int { listedPriority ?? priority ?? 0 }
}
