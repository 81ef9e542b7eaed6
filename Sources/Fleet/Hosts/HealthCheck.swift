// SPDX-License-Identifier: Apache-2.0

/// What has to be so on a host after a switch before it is kept; looked at on the host itself.
package enum HealthCheck: Hashable, Sendable {
    /// The unit is active.
    case unit(String)
    /// Something accepts connections there.
    case tcp(host: String, port: UInt16)
    /// The URL answers with a status from 200 to 399.
    case http(url: String)
    /// The line of shell ends with 0.
    case command(String)
}

extension HealthCheck: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unit(let name): "unit \(name)"
        case .tcp(let host, let port):
            host.contains(":") ? "tcp [\(host)]:\(port)" : "tcp \(host):\(port)"
        case .http(let url): "http \(url)"
        case .command(let line): "command \(line)"
        }
    }
}

/// The checks of one host, and how long they may take to come true.
package struct HealthPolicy: Hashable, Sendable {
    package var checks: [HealthCheck] = []
    /// From the end of the activation to the first look.
    package var settle = Duration.seconds(2)
    /// From the first look to the last; all checks have to hold at one look.
    package var deadline = Duration.seconds(60)

    package init() {}
}
