// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// How far a deploy goes.
package enum SwitchMode: String, CaseIterable, Sendable {
    /// Runs now and boots later.
    case `switch` = "switch"
    /// Boots later; what runs stays.
    case boot
    /// Runs now; the next start of the machine brings back what boots now.
    case test
    /// Says what would be done.
    case dryActivate = "dry-activate"
}

/// A system to bring into effect on a target, where it already lies in the store.
package struct SwitchOrder: Sendable {
    package let token: DeployToken
    /// What has `bin/switch-to-configuration`.
    package let system: StorePath
    package var mode = SwitchMode.switch
    /// The generation of the profile to go back to, whose path is `system`; `nil` makes a new one.
    package var generation: Int?
    /// What the caller saw running; where something else runs by now, the order is refused.
    package var expectedRunning: StorePath?
    package var health = HealthPolicy()
    /// For one run of `switch-to-configuration`; then it is ended, and the switch undone.
    package var activationTimeout = Duration.seconds(600)
    /// From healthy until a new connection has confirmed.
    package var confirmTimeout = Duration.seconds(60)
    /// One line that says what the system was made from, kept on the target beside its path.
    package var lineage: String?
    /// The type of system that the target is said to take; `nil` for what it finds itself.
    package var takes: String?
    /// No checks and no confirmation; only a boot loader that cannot be written undoes the switch.
    package var isEmergency = false

    package init(token: DeployToken, system: StorePath) {
        self.token = token
        self.system = system
    }
}
