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
    private let note: @Sendable (Event) -> Void
    private let state: Mutex<State>

    init(
        _ body: Exchange,
        _ opening: NAROpening,
        expectedBytes: UInt64?,
        stall: Duration,
        note: @escaping @Sendable (Event) -> Void
    ) {
        self.body = body
        self.stall = stall
        self.note = note
        self.expectedBytes = expectedBytes
        sizeBytes = opening.sizeBytes
        state = Mutex(State(skippedBytes: opening.skippedBytes, position: opening.firstByte))
    }

    deinit { body.cancel() }

    func next() async throws(UpstreamFailure) -> [UInt8]? {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        do throws(ExchangeFailure) {
            while let piece = try await piece() {
                note(.received(piece.readableBytes))
                if let bytes = state.withLock({ $0.take(piece) }) { return bytes }
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

    private func piece() async throws(ExchangeFailure) -> ByteBuffer? {
        let started = Instant.now
        let left = state.withLock { stall - $0.waited }
        let piece = try await body.next(until: started + left)
        let elapsed = Instant.now - started
        state.withLock { state in
            state.waited += elapsed
            state.sinceBytes += piece?.readableBytes ?? 0
            guard state.sinceBytes >= Self.progressBytes else { return }
            state.waited = .zero
            state.sinceBytes = 0
        }
        return piece
    }

    private func fail(_ failure: UpstreamFailure) -> UpstreamFailure {
        state.withLock { $0.failure = failure }
        body.cancel()
        note(.failed(failure))
        return failure
    }
}

extension UpstreamNARStream.State {
    /// - Returns: `nil` when all of the piece is to be skipped.
    fileprivate mutating func take(_ piece: ByteBuffer) -> [UInt8]? {
        let bytes = piece.readableBytesView
        position += UInt64(bytes.count)
        let skipped = Int(min(skippedBytes, UInt64(bytes.count)))
        skippedBytes -= UInt64(skipped)
        return skipped == bytes.count ? nil : Array(bytes.dropFirst(skipped))
    }
}
