// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// Who deploys to a target, since when.
package struct TargetLease: Hashable, Sendable {
    package let token: DeployToken
    /// `user@host` of the deployer, as it called itself.
    package let who: String
    package let since: Date
    /// Whether whoever took it is still at work: its time is not up, or its supervisor runs.
    package let isHeld: Bool
    /// The supervisor's process, once there is one.
    package let processIdentifier: Int32?
    /// Whether the supervisor is bringing back what ran before; only root can tell.
    package let isGoingBack: Bool
}

/// A lease that was asked for and given.
package struct LeaseGrant: Sendable {
    package let token: DeployToken
    /// Whose lease had run out, or died with its supervisor or with the machine.
    package let takenOverFrom: TargetLease?
    /// The deploys that had ended without an outcome, and have one now.
    package let settled: [SwitchOutcome]
    /// What would keep the deploy from succeeding, where that was asked for along with the lease.
    package let findings: [PreflightFinding]
}
