// SPDX-License-Identifier: Apache-2.0

/// Why the target's side did not do what it was asked.
package enum TargetError: Error, Hashable, Sendable {
    /// Somebody else deploys to it.
    case leased(TargetLease)
    /// A deploy that nobody follows any more is being undone by the target itself.
    case goingBack(TargetLease)
    /// The lease is not ours any more; whose it is, if anybody's.
    case leaseLost(TargetLease?)
    /// Nothing has begun, for a reason that names itself.
    case refused(String)
    /// Something else runs than the caller saw.
    case changedMeanwhile(running: String)
    /// An answer that is none; what was said last on standard error.
    case unexpectedAnswer(to: String, exitCode: Int32, said: String)
    /// Contact was lost and not regained in time. The target goes on by itself, and rolls back unless
    /// it was confirmed.
    case contactLost(DeployToken, lastEvent: SwitchEvent?, cause: RemoteFailure)
}
