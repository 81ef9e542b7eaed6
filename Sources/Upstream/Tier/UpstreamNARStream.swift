// SPDX-License-Identifier: Apache-2.0
import NIOCore
import Synchronization

/// A NAR's file on its way.
final class UpstreamNARStream: NARByteStream {
    enum Event {
        case received(Int)
        case failed(UpstreamFailure)
    }

    fileprivate struct State {
        var skippedBytes: UInt64
        /// Where in the file the next byte of the body stands.
        var position: UInt64
        /// Spent on waiting for the network since the last 4 KiB; a reader's own time is not counted.
        var waited: Duration = .zero
        /// What has come in that time.
        var sinceBytes = 0
        var failure: UpstreamFailure?
    }

    /// Less than this in the time of a stall is a stall.
    private static let progressBytes = 4096

    let sizeBytes: UInt64?
    private let expectedBytes: UInt64?
    private let body: Exchange
    private let stall: Duration
    private let meter: BusyMeter?
    private let note: @Sendable (Event) -> Void
    private let state: Mutex<State>

    init(
        _ body: Exchange,
        _ opening: NAROpening,
        expectedBytes: UInt64?,
        stall: Duration,
        meter: BusyMeter? = nil,
        note: @escaping @Sendable (Event) -> Void
    ) {
        self.body = body
        self.stall = stall
        self.meter = meter
        self.note = note
        self.expectedBytes = expectedBytes
        sizeBytes = opening.sizeBytes
        state = Mutex(State(skippedBytes: opening.skippedBytes, position: opening.firstByte))
    }

    deinit { body.cancel() }

    func next() async throws(UpstreamFailure) -> [UInt8]? {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        do throws(ExchangeFailure) {
            while let pieces = try await pieces() {
                let count = pieces.reduce(0) { $0 + $1.readableBytes }
                note(.received(count))
                if let bytes = state.withLock({ $0.take(pieces, count) }) { return bytes }
            }
        } catch {
            throw fail(error.reason)
        }
        let position = state.withLock { $0.position }
        guard position >= expectedBytes ?? 0, state.withLock({ $0.skippedBytes }) == 0 else {
            throw fail(.brokenOff("the end came after \(position) bytes"))
        }
        return nil
    }

    func isReady(until moment: Instant) async -> Bool {
        let started = Instant.now
        let (end, hasFailed) = state.withLock { (started + (stall - $0.waited), $0.failure != nil) }
        if hasFailed { return true }
        let isReady = await body.isReady(until: min(moment, end))
        let now = Instant.now
        state.withLock { $0.waited += now - started }
        return isReady || now >= end
    }

    private func pieces() async throws(ExchangeFailure) -> ArraySlice<ByteBuffer>? {
        let started = Instant.now
        let left = state.withLock { stall - $0.waited }
        meter?.begin()
        var received: UInt64 = 0
        defer { meter?.end(bytes: received) }
        let pieces = try await body.next(until: started + left)
        received = pieces?.reduce(0) { $0 + UInt64($1.readableBytes) } ?? 0
        let elapsed = Instant.now - started
        state.withLock { state in
            state.waited += elapsed
            state.sinceBytes += pieces?.reduce(0) { $0 + $1.readableBytes } ?? 0
            guard state.sinceBytes >= Self.progressBytes else { return }
            state.waited = .zero
            state.sinceBytes = 0
        }
        return pieces
    }

    private func fail(_ failure: UpstreamFailure) -> UpstreamFailure {
        state.withLock { $0.failure = failure }
        body.cancel()
        note(.failed(failure))
        return failure
    }
}

extension UpstreamNARStream.State {
    /// - Returns: The pieces as one; `nil` when all of them is to be skipped.
    fileprivate mutating func take(_ pieces: ArraySlice<ByteBuffer>, _ count: Int) -> [UInt8]? {
        position += UInt64(count)
        var taken: [UInt8] = []
        taken.reserveCapacity(count)
        for piece in pieces {
            let bytes = piece.readableBytesView
            let skipped = Int(min(skippedBytes, UInt64(bytes.count)))
            skippedBytes -= UInt64(skipped)
            taken.append(contentsOf: bytes.dropFirst(skipped))
        }
        return taken.isEmpty ? nil : taken
    }
}
