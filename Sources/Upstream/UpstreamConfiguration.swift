// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// One tier, as the user described it.
package struct UpstreamConfiguration: Sendable {
    /// Which narinfos are believed.
    package enum Trust: Sendable, Hashable {
        /// Those with a signature by one of these keys.
        case keys([PublicKey])
        /// All of them: the path's hash still has to be the one that was asked for.
        case none
    }

    /// The most that is taken from the tier.
    package struct Limits: Sendable {
        package var narInfoBytes = 1 << 20
        /// Of a listing, a log or a closure.
        package var smallFileBytes = 64 << 20
        package var redirects = 5

        package init() {}
    }

    /// The longest that the tier is waited for.
    package struct Times: Sendable {
        /// To the answer's last byte, connecting and waiting for one's turn included.
        package var lookUp: Duration = .seconds(2)
        /// From the question to the head of a small file or a closure.
        package var fileFirstByte: Duration = .seconds(5)
        /// To the last byte of a small file or a closure.
        package var file: Duration = .seconds(30)
        /// From the question to the head of the answer with a NAR.
        package var narFirstByte: Duration = .seconds(10)
        /// Waiting for a NAR's next 4 KiB.
        package var narStall: Duration = .seconds(15)
        package var probe: Duration = .seconds(1)

        package init() {}
    }

    package var name: String
    /// Several ways to reach the same cache; at least one.
    package var urls: [HTTPURL]
    package var trust: Trust
    package var credentials: UpstreamCredentials = .none
    package var storeDirectory: StoreDirectory = .standard
    /// What the tier is told of us in `X-Firn-Via`; no comma and no space in it.
    package var nodeID: String
    package var limits = Limits()
    package var times = Times()
    package var health = HealthConfiguration()

    package init(name: String, urls: [HTTPURL], trust: Trust, nodeID: String) {
        precondition(!urls.isEmpty, "a tier has at least one address")
        self.name = name
        self.urls = urls.map(\.asFolder)
        self.trust = trust
        self.nodeID = nodeID
    }
}
