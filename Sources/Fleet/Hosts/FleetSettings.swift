// SPDX-License-Identifier: Apache-2.0

/// What holds for every deploy, as `[deploy]` has it.
package struct FleetSettings: Hashable, Sendable {
    /// The flake of hosts that name no configuration of their own.
    package var flake = "."
    package var via: DeployVia?
    /// How many hosts are copied to or switched at the same time.
    package var parallel = 4
    package var offline = OfflinePolicy.fail
    /// From the last check on the target to the deployer's word, made over a new connection.
    package var confirmTimeout = Duration.seconds(60)
    package var activationTimeout = Duration.seconds(600)
    package var wakeTimeout = Duration.seconds(180)
    /// Whether a target may build what no tier has.
    package var allowsTargetBuild = false
    /// What evaluations may take together, in bytes of resident memory.
    package var evaluationMemoryBytes: UInt64 = 4_000_000_000
    package var canary: HostName?

    package init() {}
}

/// What becomes of a host that cannot be reached.
package enum OfflinePolicy: String, CaseIterable, Sendable {
    /// It is left out, and said so.
    case skip
    /// It is left a note, which is delivered when the host is next seen.
    case queue
    case fail
}
