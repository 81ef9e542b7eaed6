// SPDX-License-Identifier: Apache-2.0

/// Something that has to be so on the target for a switch to be kept.
package enum HealthCheck: Hashable, Sendable {
    /// The unit of systemd is active.
    case unit(String)
    /// A connection to the address can be made.
    case tcp(host: String, port: UInt16)
    /// The URL answers with one of these codes.
    ///
    /// Redirects are not followed. A certificate is not looked at, since what is asked is mostly the
    /// host itself under another name.
    case http(url: String, status: ClosedRange<Int> = 200...399)
    /// `sh -c TEXT` ends with 0, as root, within 30 seconds.
    case command(String)
}

/// What is checked after an activation, and when it counts.
///
/// Units that have newly failed are always looked for, whatever is listed here.
package struct HealthPolicy: Hashable, Sendable {
    package var checks: [HealthCheck]
    /// For how long all checks have to hold; also how long a unit that failed may take to recover.
    package var settle: Duration
    /// After how long without all checks holding they have failed.
    package var deadline: Duration

    package init(
        checks: [HealthCheck] = [],
        settle: Duration = .seconds(5),
        deadline: Duration = .seconds(60)
    ) {
        self.checks = checks
        self.settle = settle
        self.deadline = deadline
    }
}
