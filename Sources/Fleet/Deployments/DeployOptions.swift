// SPDX-License-Identifier: Apache-2.0

/// How a run of deploys goes, beyond what the configuration says of its hosts.
package struct DeployOptions: Sendable {
    package var mode = SwitchMode.switch
    /// `nil` for what the configuration says of each host.
    package var via: DeployVia?
    package var canary: HostName?
    /// How many hosts are pulled to and switched at the same time.
    package var parallel: Int
    package var offline: OfflinePolicy
    /// No checks but those that keep the machine bootable, and the host builds for itself.
    package var isEmergency = false
    /// Also back behind what runs.
    package var isForced = false
    package var allowsTargetBuild: Bool

    package init(_ settings: FleetSettings) {
        parallel = settings.parallel
        offline = settings.offline
        allowsTargetBuild = settings.allowsTargetBuild
        canary = settings.canary
    }
}
