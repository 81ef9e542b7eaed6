// SPDX-License-Identifier: Apache-2.0

/// When a tier counts as down, and how often that is looked into.
package struct HealthConfiguration: Sendable {
    /// Failures in a row that open the circuit of an address.
    package var failuresToOpen = 3
    /// Between two probes of an address whose circuit is open; with the probe's own second this keeps
    /// recovery below two.
    package var openProbeInterval: Duration = .milliseconds(500)
    /// Between two probes of an address that failed, but is not open yet.
    package var doubtProbeInterval: Duration = .milliseconds(300)
    /// Between two probes of an address that nobody uses.
    package var idleProbeInterval: Duration = .seconds(30)
    /// The longest that a tier may ask to be left alone.
    package var maximumRest: Duration = .seconds(600)
    /// After a 429 that names no time.
    package var unnamedRest: Duration = .seconds(1)
    /// Another address is chosen over one that works when its latency is below this share of it.
    package var betterLatencyShare = 0.7
    /// It has to be lower by at least this much, too.
    package var betterLatencyBy: Duration = .milliseconds(2)

    package init() {}
}
