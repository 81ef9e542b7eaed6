// SPDX-License-Identifier: Apache-2.0

/// The steps of one host's deploy, in their order; the keys of the times in a receipt.
package enum Phase: String, CaseIterable, Hashable, Sendable, Codable {
    /// Here: which path is wanted.
    case evaluate
    /// Until a sleeping machine answers.
    case wake
    /// What is on the target.
    case state
    case build
    /// Lease and what has to be so before anything is touched.
    case preflight
    /// The target fetches what it lacks.
    case pull
    case activate
    /// From the end of the activation until all checks held.
    case health
    /// Until the deployer was heard over a new connection.
    case confirm
    /// Profile and boot loader.
    case commit
    /// Going back to what ran before.
    case restore
}
