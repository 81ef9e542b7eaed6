// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// One request and its answer: the head, then the body in pieces.
///
/// The body is read ahead by a quarter of a MiB and no further. Everything that waits here has an end:
/// the caller's own moment, or the cancellation of its task.
final class Exchange: HTTPClientResponseDelegate {
    typealias Response = Void

    /// Held until the exchange has ended: the connection and one's place among those who use it.
    struct Resources: Sendable {
        let pool: ConnectionPool
        let slots: ConnectionSlots
    }

    fileprivate struct State {
        var isConnected = false
        var head: HTTPResponseHead?
        var pieces: ArraySlice<ByteBuffer> = []
        var bufferedBytes = 0
        var isFinished = false
        var failure: ExchangeFailure?
        /// Wakes the server when the buffer has room again.
        var demand: EventLoopPromise<Void>?
        var waiter: (id: UInt64, continuation: CheckedContinuation<Void, Never>)?
        var nextID: UInt64 = 0
        /// Bytes that may still come and be dropped; `nil` while somebody reads.
        var discardableBytes: Int?
        var task: HTTPClient.Task<Void>?
        var resources: Resources?
    }

    private static let highWaterBytes = 256 << 10
    private let state: Mutex<State>

    private init(_ resources: Resources) {
        state = Mutex(State(resources: resources))
    }

    static func start(_ request: HTTPClient.Request, _ resources: Resources) -> Exchange {
        let exchange = Exchange(resources)
        let task = resources.pool.client.execute(request: request, delegate: exchange)
        let hasEnded = exchange.state.withLock { state in
            if !state.isFinished { state.task = task }
            return state.failure != nil
        }
        if hasEnded { task.cancel() }
        return exchange
    }

    /// The head of the answer.
    func head(
        until deadline: Instant,
        connectedUntil connection: Instant
    ) async throws(ExchangeFailure) -> HTTPResponseHead {
        while true {
            let (head, isConnected) = state.withLock { ($0.head, $0.isConnected) }
            if let head { return head }
            if let failure = state.withLock({ $0.failure }) { throw failure }
            await wait(until: isConnected ? deadline : min(deadline, connection)) {
                $0.head != nil || $0.failure != nil || $0.isConnected != isConnected
            }
            try checkTime(isConnected ? deadline : min(deadline, connection)) {
                $0.head != nil || $0.isConnected != isConnected
            }
        }
    }

    /// The next pieces of the body, all that have come; `nil` at its end.
    ///
    /// Whoever is slower than the network is woken less often for more.
    func next(until deadline: Instant) async throws(ExchangeFailure) -> ArraySlice<ByteBuffer>? {
        while true {
            let (pieces, demand, end) = state.withLock { $0.takePieces() }
            demand?.succeed()
            if !pieces.isEmpty { return pieces }
            switch end {
            case .finished: return nil
            case .failed(let failure): throw failure
            case .goesOn: break
            }
            let isReady: (State) -> Bool = {
                !$0.pieces.isEmpty || $0.isFinished || $0.failure != nil
            }
            await wait(until: deadline, for: isReady)
            try checkTime(deadline, unless: isReady)
        }
    }

    /// Waits until ``next(until:)`` has something to say at once; ends nothing when it has not.
    func isReady(until deadline: Instant) async -> Bool {
        let isReady: (State) -> Bool = { !$0.pieces.isEmpty || $0.isFinished || $0.failure != nil }
        while !state.withLock({ isReady($0) }) {
            if Task.isCancelled || deadline <= .now { return false }
            await wait(until: deadline, for: isReady)
        }
        return true
    }

    /// Nobody wants the rest: what is short is read to its end, so that the connection can be used again.
    func discard() {
        typealias Rest = (EventLoopPromise<Void>?, (any EventLoop)?)
        let (demand, eventLoop) = state.withLock { state -> Rest in
            guard !state.isFinished, state.failure == nil else { return (nil, nil) }
            state.discardableBytes = (64 << 10) - state.bufferedBytes
            state.pieces = []
            defer { state.demand = nil }
            return (state.demand, state.task?.eventLoop)
        }
        demand?.succeed()
        eventLoop?.scheduleTask(in: .seconds(2)) { [weak self] in self?.cancel() }
    }

    /// Ends the exchange, and with it the connection, unless it has ended already.
    func cancel(_ failure: ExchangeFailure = .cancelled) { end(failure) }
}

extension Exchange {
    func didSendRequestHead(task: HTTPClient.Task<Void>, _ head: HTTPRequestHead) {
        wake { $0.isConnected = true }
    }

    func didReceiveHead(
        task: HTTPClient.Task<Void>,
        _ head: HTTPResponseHead
    ) -> EventLoopFuture<Void> {
        wake { $0.head = head }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(
        task: HTTPClient.Task<Void>,
        _ buffer: ByteBuffer
    ) -> EventLoopFuture<Void> {
        let bytes = buffer.readableBytes
        var isTooMuch = false
        var demand: EventLoopPromise<Void>?
        wake { state in
            guard state.failure == nil else { return }
            if let left = state.discardableBytes {
                state.discardableBytes = left - bytes
                isTooMuch = left < bytes
            } else if bytes > 0 {
                state.pieces.append(buffer)
                state.bufferedBytes += bytes
                guard state.bufferedBytes > Self.highWaterBytes else { return }
                demand = task.eventLoop.makePromise()
                state.demand = demand
            }
        }
        if isTooMuch { cancel() }
        return demand?.futureResult ?? task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) {
        let (isConnected, hasHead) = state.withLock { ($0.isConnected, $0.head != nil) }
        end(ExchangeFailure(error, isConnected: isConnected, hasHead: hasHead))
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) {
        var resources: Resources?
        wake { state in
            state.isFinished = true
            state.task = nil
            resources = state.resources.take()
        }
        resources?.slots.release()
    }

    private func end(_ failure: ExchangeFailure) {
        var resources: Resources?
        var task: HTTPClient.Task<Void>?
        var demand: EventLoopPromise<Void>?
        wake { state in
            guard !state.isFinished, state.failure == nil else { return }
            state.failure = failure
            task = state.task.take()
            demand = state.demand.take()
            resources = state.resources.take()
        }
        demand?.succeed()
        task?.cancel()
        resources?.slots.release()
    }

    /// Changes the state, and wakes who waits for a change.
    private func wake(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state in
            change(&state)
            return state.waiter.take()
        }
        waiter?.continuation.resume()
    }

    /// Sleeps until the state has changed, the moment has come or the task is cancelled.
    private func wait(until deadline: Instant, for isReady: (State) -> Bool) async {
        let eventLoop = state.withLock { $0.task?.eventLoop }
        guard let eventLoop else { return }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let left = max(deadline - .now, .zero)
        let timer = eventLoop.scheduleTask(in: TimeAmount(left)) { self.stopWaiting(id) }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // A timer that has already rung finds nobody: the moment is looked at too.
                    if isReady(state) || state.nextID != id || Task.isCancelled || deadline <= .now
                    {
                        return true
                    }
                    state.waiter = (id, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            stopWaiting(id)
        }
        timer.cancel()
    }

    private func stopWaiting(_ id: UInt64) {
        let waiter = state.withLock { state in
            guard state.waiter?.id == id else { return nil as CheckedContinuation<Void, Never>? }
            return state.waiter.take()?.continuation
        }
        waiter?.resume()
    }

    private func checkTime(
        _ deadline: Instant,
        unless isReady: (State) -> Bool
    ) throws(ExchangeFailure) {
        let (failure, isReady, isConnected) = state.withLock {
            ($0.failure, isReady($0), $0.isConnected)
        }
        if isReady { return }
        if Task.isCancelled {
            cancel()
            throw .cancelled
        }
        if let failure { throw failure }
        guard deadline <= .now else { return }
        let late = isConnected ? .timedOut : ExchangeFailure.noConnection
        cancel(late)
        throw late
    }
}

extension Exchange.State {
    fileprivate enum End {
        case goesOn
        case finished
        case failed(ExchangeFailure)
    }

    fileprivate mutating func takePieces() -> (
        ArraySlice<ByteBuffer>, EventLoopPromise<Void>?, End
    ) {
        guard !pieces.isEmpty else {
            if let failure { return ([], nil, .failed(failure)) }
            return ([], nil, isFinished ? .finished : .goesOn)
        }
        defer { pieces = [] }
        bufferedBytes = 0
        return (pieces, demand.take(), .goesOn)
    }
}
