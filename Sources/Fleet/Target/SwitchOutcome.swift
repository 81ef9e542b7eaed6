// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What became of a switch, as the target found it at the end.
package struct SwitchOutcome: Hashable, Sendable {
    package enum Ending: Hashable, Sendable {
        /// It runs, was found healthy and confirmed, and boots.
        case done
        /// It boots next time; what ran still runs. ``SwitchOutcome/reason`` is ``Reason/asked``, or
        /// says why it could not be activated now.
        case staged
        /// It runs, was found healthy and confirmed; the profile is as it was.
        case tested
        /// Nothing was done, and the log says what would be.
        case previewed
        /// Nothing was touched, or somebody else has switched it since.
        case refused
        /// What ran before runs again, and the profile is as it was.
        case rolledBack
        /// What ran before could not be brought back.
        case stuck
        case unrecognised(String)
    }

    package enum Reason: Hashable, Sendable {
        /// It is what was asked for.
        case asked
        /// `switch-to-configuration` ended with 1: its lock or its checks before the switch.
        case refusedByItself
        /// It ended with 1, and what inhibits a switch differs from what was booted.
        case inhibited
        /// It ended with 100: only a restart can bring this system into effect.
        case needsRestart
        /// It ended with 2: the activation script failed.
        case activationScript
        /// Units failed that had not failed before.
        case units
        /// It ended with 101: a fault of its own.
        case crashed
        /// It ended with a code that has no meaning, or by a signal.
        case exitCode
        /// It did not end within ``SwitchOrder/activationTimeout``.
        case timedOut
        /// It ended well, and yet something else runs.
        case notActivated
        /// A health check did not hold.
        case unhealthy
        /// Nobody confirmed in time.
        case unconfirmed
        /// The deployer called it off.
        case abandoned
        /// The profile could not be set.
        case profile
        /// The boot loader could not be written.
        case bootLoader
        /// The machine was started anew meanwhile.
        case restarted
        /// The supervisor ended without an outcome.
        case supervisorDied
        /// The target's state folder cannot be written to.
        case stateUnusable
        /// Another deployer had taken the lease.
        case leaseLost
        /// Somebody else has switched it since; what they brought there is left alone.
        case superseded
        case unrecognised(String)
    }

    package let token: DeployToken
    package let ending: Ending
    package let reason: Reason
    /// More about the reason, for people; may be empty.
    package let detail: String
    /// What ran before.
    package let old: StorePath?
    package let new: StorePath?
    /// What runs now.
    package let running: StorePath?
    /// What the profile names now.
    package let profile: StorePath?
    /// Of the activation; `nil` when there was none.
    package let exitCode: Int32?
    package let newlyFailedUnits: [String]
    /// User and system time of what the supervisor ran, without what systemd ran for it.
    package let processorTime: Duration?
    /// What that wrote to disks.
    package let writtenBytes: Int?
    /// Whether a later contact had to bring it to its end.
    package let isSettled: Bool
}
