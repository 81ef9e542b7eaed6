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

    /// Reads what sh's `times` printed, and `written BYTES`, among other lines.
    ///
    /// - Shape: `0m1.25s 0m0.30s`: user and system time, of the shell and then of its children.
    /// - Returns: `nil` when there are no times.
    package init?(parsing lines: [some StringProtocol]) {
        var seconds: Double?
        var written: UInt64?
        for line in lines {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == "written" { written = UInt64(words[1]) }
            let times = words.compactMap { Self.seconds(String($0)) }
            if words.count == 2, times.count == 2 { seconds = (seconds ?? 0) + times[0] + times[1] }
        }
        guard let seconds else { return nil }
        self.init(cpuSeconds: seconds, writtenBytes: written)
    }

    private static func seconds(_ time: String) -> Double? {
        let parts = time.split(separator: "m")
        guard parts.count == 2, parts[1].hasSuffix("s"), let minutes = Double(parts[0]),
            let seconds = Double(parts[1].dropLast()), minutes >= 0, seconds >= 0,
            minutes.isFinite, seconds.isFinite
        else { return nil }
        return minutes * 60 + seconds
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
