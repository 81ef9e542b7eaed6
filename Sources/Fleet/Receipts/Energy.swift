// SPDX-License-Identifier: Apache-2.0

/// What a host's own meters say that a deployment took; whatever else the host did is in it.
package struct Energy: Codable, Hashable, Sendable {
    /// Of the processor packages, from powercap; `nil` without such a meter.
    package var packageJoules: Double?
    /// Out of the battery; `nil` on mains and without a battery.
    package var batteryJoules: Double?

    package init(packageJoules: Double?, batteryJoules: Double?) {
        self.packageJoules = packageJoules
        self.batteryJoules = batteryJoules
    }

    private enum CodingKeys: String, CodingKey {
        case packageJoules = "package-joules"
        case batteryJoules = "battery-joules"
    }
}
