// SPDX-License-Identifier: Apache-2.0

/// What happens to a host while it is deployed to, for whoever watches.
package enum HostNews: Sendable {
    case began(Phase)
    case building(name: String, count: Int)
    case pulling(PullProgress)
    /// A step of the switch, in words.
    case step(String)
    case warning(String)
    case ended(HostReport)
}

/// Who is told; from any thread.
package typealias FleetObserver = @Sendable (HostName, HostNews) -> Void
