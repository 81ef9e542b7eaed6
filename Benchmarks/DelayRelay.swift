// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc

/// A link of some length: passes TCP connections on, every byte a while after it came.
///
/// Without a limit as much is under way at a time as somebody sends. With one the connections take
/// turns, a small piece each, so that what is asked beside a large file does not wait for all of it; what
/// has no room yet stays with who sends it. A connection costs a round trip before its first byte, as
/// the handshake would. One thread, which is done when the listener is stopped.
final class DelayRelay: Sendable {
    var port: UInt16 { listener.port }

    private let listener: ListeningSocket
    private let serverPort: UInt16
    /// For one way.
    private let delay: Duration
    private let bytesPerSecond: Double?

    private init(to serverPort: UInt16, delay: Duration, bytesPerSecond: Double?) throws {
        listener = try ListeningSocket()
        self.serverPort = serverPort
        self.delay = delay
        self.bytesPerSecond = bytesPerSecond
    }

    /// Runs one for the time of the body.
    ///
    /// - Parameters:
    ///   - serverPort: Where the connections go to.
    ///   - roundTrip: There and back.
    ///   - bytesPerSecond: What all connections together get, in each direction; `nil` for no limit.
    ///   - body: Uses the relay's port.
    /// - Returns: What the body returns.
    /// - Throws: What the body throws, and when no port can be had.
    static func run<Value>(
        to serverPort: UInt16,
        roundTrip: Duration,
        bytesPerSecond: Double? = nil,
        _ body: (DelayRelay) async throws -> Value
    ) async throws -> Value {
        let relay = try DelayRelay(
            to: serverPort,
            delay: roundTrip / 2,
            bytesPerSecond: bytesPerSecond
        )
        Thread.detachNewThread { relay.work() }
        defer { relay.listener.stop() }
        return try await body(relay)
    }

    private func work() {
        var flows: [Flow] = []
        var turn = 0
        let (up, down) = (Line(bytesPerSecond), Line(bytesPerSecond))
        while true {
            var events = [pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)]
            for flow in flows {
                let wanted = flow.canRead(at: .now) ? Int16(POLLIN) : 0
                events.append(pollfd(fd: flow.source.descriptor, events: wanted, revents: 0))
            }
            _ = unsafe poll(&events, nfds_t(events.count), pauseMilliseconds(flows))
            turn += 1
            for index in flows.indices {
                let index = (index + turn) % flows.count
                let flow = flows[index]
                if events[index + 1].revents != 0, flow.canRead(at: .now) { flow.read(delay) }
                flow.write()
            }
            flows.removeAll(where: \.isDone)
            guard events[0].revents != 0 else { continue }
            guard let client = try? listener.accept() else { return }
            guard let server = try? StreamSocket.connect(port: serverPort) else { continue }
            for socket in [client, server] { setNoDelay(socket.descriptor) }
            let open = ContinuousClock.now + delay * 2
            flows.append(Flow(from: client, to: server, over: up, open: open))
            flows.append(Flow(from: server, to: client, over: down, open: open))
        }
    }

    /// Until the next piece is due or may be read, to the nearest millisecond; at most a tenth of a
    /// second.
    private func pauseMilliseconds(_ flows: [Flow]) -> Int32 {
        guard let due = flows.flatMap({ [$0.nextDue, $0.nextTurn] }).compactMap(\.self).min() else {
            return 100
        }
        return Int32(min(max((due - ContinuousClock.now).seconds * 1000, 0), 100).rounded())
    }

    private func setNoDelay(_ descriptor: Int32) {
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
    }
}

/// What all connections share in one direction.
private final class Line {
    /// What is taken in turns: 4 ms of the line, but some kilobytes at least and 64 at most.
    let pieceBytes: Int
    private let bytesPerSecond: Double?
    private var free = ContinuousClock.now
    /// So much may wait for its departure, for the relay wakes to the millisecond.
    private static let backlog = Duration.milliseconds(2)

    init(_ bytesPerSecond: Double?) {
        self.bytesPerSecond = bytesPerSecond
        pieceBytes = bytesPerSecond.map { min(max(Int($0 / 250), 4 << 10), 64 << 10) } ?? 64 << 10
    }

    /// When the next piece has a place; `nil` for at once.
    func nextPlace(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        bytesPerSecond == nil || free <= now + Self.backlog ? nil : free - Self.backlog
    }

    /// When bytes that want to go now have gone.
    func departure(of count: Int, from start: ContinuousClock.Instant) -> ContinuousClock.Instant {
        guard let bytesPerSecond else { return start }
        free = max(free, start) + .seconds(Double(count) / bytesPerSecond)
        return free
    }
}

/// One direction of a connection.
private final class Flow {
    let source: StreamSocket
    private let target: StreamSocket
    private let line: Line
    private let open: ContinuousClock.Instant
    /// No bytes are the end.
    private var pieces: [(due: ContinuousClock.Instant, bytes: ArraySlice<UInt8>)] = []
    private var hasEnded = false
    private(set) var isDone = false

    init(
        from source: StreamSocket,
        to target: StreamSocket,
        over line: Line,
        open: ContinuousClock.Instant
    ) {
        self.source = source
        self.target = target
        self.line = line
        self.open = open
    }

    /// Bounds memory, far above what a client of narinfos has under way.
    private var hasRoom: Bool { !hasEnded && pieces.count < 1_000 }
    func canRead(at now: ContinuousClock.Instant) -> Bool {
        hasRoom && line.nextPlace(at: now) == nil
    }
    /// When to look whether there is something to be read, where that is not at once.
    var nextTurn: ContinuousClock.Instant? { hasRoom ? line.nextPlace(at: .now) : nil }
    var nextDue: ContinuousClock.Instant? { isDone ? nil : pieces.first?.due }

    func read(_ delay: Duration) {
        let bytes = (try? source.read(upTo: line.pieceBytes)) ?? []
        let departure = line.departure(of: bytes.count, from: max(.now, open))
        pieces.append((departure + delay, bytes[...]))
        hasEnded = bytes.isEmpty
    }

    /// Sends what is due, as far as the target takes it.
    func write() {
        while let (due, bytes) = pieces.first, due <= .now + .microseconds(500) {
            guard !bytes.isEmpty else {
                target.finishWriting()
                isDone = true
                return
            }
            let sent = unsafe bytes.withUnsafeBytes { piece in
                let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
                return unsafe send(target.descriptor, piece.baseAddress, piece.count, flags)
            }
            if sent < 0, errno == EAGAIN { return }
            guard sent >= 0 else {
                source.cut()
                isDone = true
                return
            }
            pieces[0].bytes = bytes.dropFirst(sent)
            if pieces[0].bytes.isEmpty { pieces.removeFirst() }
        }
    }
}
