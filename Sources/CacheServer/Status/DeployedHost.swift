// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// A host of the fleet as far as this machine knows of it: by its last deployments.
package struct DeployedHost: Hashable, Sendable {
    /// One deployment, as its receipt has it.
    package struct Deployment: Hashable, Sendable {
        package enum Ending: Hashable, Sendable {
            case good
            /// It was left as it was, or is not yet as it was to be.
            case left
            case bad
        }

        package var startedAt: Date
        package var took: Duration
        /// `switch`, `rollback`.
        package var action: String
        /// `builder`, `target`.
        package var strategy: String
        /// `done`, `rolled-back`.
        package var outcome: String
        package var ending: Ending
        package var reason: String?
        /// A store path.
        package var system: String?
        package var by: String

        package init(
            startedAt: Date,
            took: Duration,
            action: String,
            strategy: String,
            outcome: String,
            ending: Ending,
            reason: String?,
            system: String?,
            by: String
        ) {
            self.startedAt = startedAt
            self.took = took
            self.action = action
            self.strategy = strategy
            self.outcome = outcome
            self.ending = ending
            self.reason = reason
            self.system = system
            self.by = by
        }
    }

    package var name: String
    /// Newest first; empty for a host that was never deployed to from here.
    package var deployments: [Deployment]
    /// Since when something waits for the host to be back.
    package var queuedAt: Date?

    package init(name: String, deployments: [Deployment], queuedAt: Date? = nil) {
        self.name = name
        self.deployments = deployments
        self.queuedAt = queuedAt
    }
}

/// What is known of the fleet.
///
/// Asked every two seconds for each page that is open: it answers from memory where nothing has changed.
package protocol DeployedHosts: Sendable {
    /// Every host, by name.
    ///
    /// - Throws: What cannot be read, in one sentence for people.
    func hosts() async throws -> [DeployedHost]
}
