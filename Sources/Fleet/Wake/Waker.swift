// SPDX-License-Identifier: Apache-2.0

/// Wakes a host, and says when it answers.
package struct Waker: Sendable {
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// No network of this machine has a broadcast address.
        case noNetwork
        /// The kernel refused to send, with the last error's text.
        case notSent(String)
        case stillAsleep(after: Duration)

        package var description: String {
            switch self {
            case .noNetwork: "this machine is on no network that a packet could wake anybody on"
            case .notSent(let reason): "the waking packet could not be sent: \(reason)"
            case .stillAsleep(let time):
                "it was woken and did not answer within \(time.components.seconds) s"
            }
        }
    }

    /// A card may miss a packet while its link comes up.
    private static let pauseBetweenPackets = Duration.seconds(5)
    private static let pauseBetweenLooks = Duration.milliseconds(500)

    private let send: @Sendable (MagicPacket) throws -> Void

    /// - Parameter send: Puts one packet on the wire, as ``BroadcastSocket`` does.
    package init(
        send: @escaping @Sendable (MagicPacket) throws -> Void = BroadcastSocket.send
    ) {
        self.send = send
    }

    /// Sends packets until the host answers.
    ///
    /// - Parameters:
    ///   - address: Of the host's network card.
    ///   - deadline: For all of it; afterwards the next choice has its turn.
    ///   - answers: Asks the host once, and comes back within seconds whatever happens.
    /// - Returns: How long it took.
    /// - Throws: ``Failure``, and `CancellationError`.
    @discardableResult
    package func wake(
        _ address: MACAddress,
        within deadline: Duration,
        until answers: @Sendable () async -> Bool
    ) async throws -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        var nextPacket = start
        repeat {
            if clock.now >= nextPacket {
                try send(MagicPacket(to: address))
                nextPacket = clock.now + Self.pauseBetweenPackets
            }
            if await answers() { return clock.now - start }
            try await Task.sleep(for: Self.pauseBetweenLooks)
        } while clock.now - start < deadline
        throw Failure.stillAsleep(after: deadline)
    }
}
