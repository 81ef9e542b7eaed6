// SPDX-License-Identifier: Apache-2.0

/// How fast a tier sends, by the time that is spent on waiting for it: who does not read is not slow.
struct Pace {
    /// Nothing for so long, and another tier is asked beside this one.
    static let stall = Duration.seconds(2)
    /// Less than this in the time of a stretch, and it drips: another tier may try to do better.
    static let leastBytes = 32 << 10
    static let stretch = Duration.seconds(2)

    private var waited = Duration.zero
    private var bytes = 0

    mutating func note(waited more: Duration) { waited += more }

    mutating func note(bytes more: Int) {
        bytes += more
        guard bytes >= Self.leastBytes else { return }
        self = Pace()
    }

    var isDripping: Bool { waited >= Self.stretch }
}
