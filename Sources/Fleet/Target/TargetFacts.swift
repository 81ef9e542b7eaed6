// SPDX-License-Identifier: Apache-2.0
package import Foundation
package import NixFormat

/// What a target says of itself in one round trip.
///
/// What is `nil` was not found; that is never the same as anything.
package struct TargetFacts: Sendable {
    /// One generation of the profile.
    package struct Generation: Hashable, Sendable {
        package let number: Int
        package let path: StorePath
        package let made: Date?
    }

    /// A deploy without an outcome whose supervisor does not run.
    package struct UnsettledDeploy: Hashable, Sendable {
        package let token: DeployToken
        /// The step at which it stands, in the journal's words.
        package let phase: String
    }

    /// The node name.
    package var nodeName = ""
    /// In Nix's words, such as `x86_64-linux`: of what was booted, else of the kernel.
    package var system: String?
    /// What else it runs: of its kernel, and the `extra-platforms` of its Nix.
    package var kinds: Set<String> = []
    package var nixVersion: String?
    /// Who was let in.
    package var user = ""
    /// Whether the facts were gathered as root; without it ``unsettled`` is not known.
    package var isRoot = false
    package var bootIdentifier: String?
    package var hasSystemd = false

    /// `/run/current-system`.
    package var running: StorePath?
    /// `/run/booted-system`.
    package var booted: StorePath?
    /// The system that the profile leads to; where it names a wrapper of one, the system inside.
    package var profile: StorePath?
    /// The current generation of the profile.
    package var generation: Int?
    /// By number.
    package var generations: [Generation] = []
    /// Whether what runs has another kernel, initrd or kernel modules than what was booted.
    package var needsRestart = false

    package var lease: TargetLease?
    package var unsettled: [UnsettledDeploy] = []
    /// What a system was made from, by its path, for the systems deployed last.
    package var lineages: [StorePath: String] = [:]
    /// The last outcome, where one is known.
    package var lastOutcome: SwitchOutcome?

    package var storeFreeBytes: Int?
    package var bootFreeBytes: Int?
    package var failedUnits: [String] = []
    /// The cache on the host itself that its Nix asks, as the host reaches it: its Firn.
    package var agentAddress: String?
    /// Whether the target's side of a deploy has never been sent to it; only root can tell.
    package var lacksProgramme = false
    /// Whether there are energy meters to be read.
    package var hasMeters = false
    /// `nil` where there is no battery.
    package var isOnBattery: Bool?

    package init() {}

    /// Whether a system of this type can run there; not known is no reason against it.
    package func takes(_ other: String) -> Bool {
        guard let system else { return true }
        return other == system || kinds.contains(other)
    }

    /// What the running system was made from.
    package var lineage: String? { running.flatMap { lineages[$0] } }
}
