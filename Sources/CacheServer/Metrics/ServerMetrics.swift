// SPDX-License-Identifier: Apache-2.0

/// What this server counts about its own requests, from start to stop.
///
/// Everything is allocated when it is made; a call is a handful of relaxed additions, cheap enough
/// for the lane that answers from memory.
package final class ServerMetrics: Sendable {
    /// Requests for one kind of endpoint.
    final class Requests: Sendable {
        /// - Shape: indexed by ``StatusGroup``'s raw value.
        let byStatus = StatusGroup.allCases.map { _ in Counter() }
        let firstByte = DurationHistogram(bounds: ServerMetrics.firstByteBounds)
        let fullBody = DurationHistogram(bounds: ServerMetrics.fullBodyBounds)
        let bytesSent = Counter()
        let abortedBodies = Counter()
    }

    /// A narinfo from memory takes well below a millisecond, one that waits for the disk far more.
    static let firstByteBounds: [Duration] = [
        .microseconds(100), .microseconds(250), .microseconds(500), .milliseconds(1),
        .microseconds(2500), .milliseconds(5), .milliseconds(10), .milliseconds(25),
        .milliseconds(50), .milliseconds(100), .milliseconds(250), .milliseconds(500),
        .seconds(1), .milliseconds(2500), .seconds(5), .seconds(10),
    ]

    /// Up to an hour, so that a client that hardly reads is seen.
    static let fullBodyBounds: [Duration] = [
        .milliseconds(1), .milliseconds(5), .milliseconds(25), .milliseconds(100),
        .milliseconds(250), .seconds(1), .seconds(5), .seconds(15), .seconds(60), .seconds(300),
        .seconds(900), .seconds(3600),
    ]

    /// - Shape: indexed by ``EndpointKind``'s raw value.
    private let requests = EndpointKind.allCases.map { _ in Requests() }
    let inFlight = Gauge()
    let openConnections = Gauge()
    let acceptedConnections = Counter()
    /// Seconds since 1970.
    let startTime = ProcessFacts.unixTime()

    package init() {}

    package func connectionOpened() {
        openConnections.add(1)
        acceptedConnections.add()
    }

    package func connectionClosed() { openConnections.add(-1) }

    /// Each call is paired with one of ``requestFinished(kind:status:bytes:duration:isComplete:)``.
    package func requestStarted() { inFlight.add(1) }

    /// Takes ``requestStarted()`` back: somebody else answers, who counts it again.
    package func requestWithdrawn() { inFlight.add(-1) }

    /// Notes how long it was from the request's last header byte to the answer's first byte.
    package func firstByte(_ kind: EndpointKind, _ elapsed: Duration) {
        self[kind].firstByte.note(elapsed)
    }

    /// Counts a request whose answer has ended, well or badly.
    ///
    /// - Parameters:
    ///   - kind: What was asked for.
    ///   - status: The three digits.
    ///   - bytes: Bytes of the body that were handed to the socket.
    ///   - duration: From the request's last header byte to the answer's last byte.
    ///   - isComplete: False when the body was broken off, by us or by the client.
    package func requestFinished(
        kind: EndpointKind,
        status: Int,
        bytes: UInt64,
        duration: Duration,
        isComplete: Bool
    ) {
        inFlight.add(-1)
        let requests = self[kind]
        requests.byStatus[StatusGroup(code: status).rawValue].add()
        requests.bytesSent.add(bytes)
        if isComplete {
            requests.fullBody.note(duration)
        } else {
            requests.abortedBodies.add()
        }
    }

    subscript(kind: EndpointKind) -> Requests { requests[kind.rawValue] }
}
