// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// One line of a deploy's journal.
package struct SwitchEvent: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case started(old: StorePath?, new: StorePath?)
        case activating
        case activated(exitCode: Int32, running: StorePath?)
        /// Units that failed; those in `before` had failed before the switch.
        case unitsFailed(new: [String], before: [String])
        case checking
        /// What does not hold at this moment.
        case failing(String)
        case healthy
        /// The supervisor waits this long for the deployer's confirmation.
        case awaitingConfirmation(Duration)
        case confirmed
        case settingProfile
        case writingBootLoader
        case rollingBack(SwitchOutcome.Reason)
        /// `switch-to-configuration` of what ran before has ended.
        case rolledBack(exitCode: Int32, running: StorePath?)
        /// A supervisor goes on where one before it ended.
        case resumed
        case warning(String)
        case ended(SwitchOutcome)
        case unrecognised(String)
    }

    /// Since the target was started; never set back while it runs.
    package let uptime: Duration
    package let kind: Kind
}
