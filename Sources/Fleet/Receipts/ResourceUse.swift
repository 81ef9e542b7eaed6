// SPDX-License-Identifier: Apache-2.0

/// What work on a host has cost it.
package struct ResourceUse: Codable, Hashable, Sendable {
    /// User and system time of all that was started and waited for.
    package var cpuSeconds: Double
    /// Written to block devices; `nil` where the kernel does not count.
    package var writtenBytes: UInt64?

    package init(cpuSeconds: Double, writtenBytes: UInt64?) {
        self.cpuSeconds = cpuSeconds
        self.writtenBytes = writtenBytes
    }

    package static func + (one: ResourceUse, other: ResourceUse) -> ResourceUse {
        let written = [one.writtenBytes, other.writtenBytes].compactMap(\.self)
        return ResourceUse(
            cpuSeconds: one.cpuSeconds + other.cpuSeconds,
            writtenBytes: written.isEmpty ? nil : written.reduce(0, &+)
        )
    }

    private enum CodingKeys: String, CodingKey {
        case cpuSeconds = "cpu-seconds"
        case writtenBytes = "written-bytes"
    }
}
