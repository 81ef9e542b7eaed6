// SPDX-License-Identifier: Apache-2.0

/// The daemon of this machine, as far as there is to be one.
package struct DaemonFacts: Hashable, Sendable {
    package enum Answer: Hashable, Sendable {
        case runs(Status)
        /// Nobody listens; `reason` is the system's word.
        case notRunning(reason: String)
        /// Something is there that does not answer as a Firn does.
        case unfit(reason: String)
    }

    /// What it says of itself.
    package struct Status: Hashable, Sendable {
        package var version: String
        /// As `/readyz` has them, those that do not pass.
        package var troubles: [String]
        package var depotTrouble: String?
        package var tiers: [Tier]

        package init(
            version: String,
            troubles: [String],
            depotTrouble: String?,
            tiers: [Tier]
        ) {
            self.version = version
            self.troubles = troubles
            self.depotTrouble = depotTrouble
            self.tiers = tiers
        }
    }

    /// A tier as the daemon sees it.
    package struct Tier: Hashable, Sendable {
        package var name: String
        /// Whether it is asked, or would be.
        package var isUsed: Bool
        package var state: String
        package var lastFailure: String?

        package init(name: String, isUsed: Bool, state: String, lastFailure: String?) {
            self.name = name
            self.isUsed = isUsed
            self.state = state
            self.lastFailure = lastFailure
        }
    }

    package var address: String
    package var answer: Answer
    /// Why one should be here, continuing "there is …"; `nil` where nothing says so.
    package var expectation: String?
    /// Whether the service manager has a unit of that name.
    package var hasUnit: Bool
    /// Keys of the configured files, as in `trusted-public-keys`; `nil` where they cannot be read.
    package var configuredKeys: [String]?

    /// Whether one runs, or should.
    var isThere: Bool {
        if case .runs = answer { true } else { expectation != nil }
    }

    package init(
        address: String,
        answer: Answer,
        expectation: String?,
        hasUnit: Bool,
        configuredKeys: [String]? = nil
    ) {
        self.address = address
        self.answer = answer
        self.expectation = expectation
        self.hasUnit = hasUnit
        self.configuredKeys = configuredKeys
    }
}

/// What the packet filter does with those who want to reach the daemon.
package struct FirewallFacts: Hashable, Sendable {
    package enum Reading: Hashable, Sendable {
        case read(Ruleset)
        /// There is no nftables on this machine, or no right to look.
        case unread(reason: String)
    }

    /// Those that others connect to.
    package var ports: [UInt16]
    package var reading: Reading

    package init(ports: [UInt16], reading: Reading) {
        self.ports = ports
        self.reading = reading
    }
}
