// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// One piece of work that any number of tasks wait for, and that none of them can cancel.
final class Flight<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiters: [Int: CheckedContinuation<Value?, Never>] = [:]
        var nextWaiter = 0
    }

    private let state = Mutex(State())

    /// The value, once it is there; `nil` when the waiting task was cancelled before.
    func wait() async -> Value? {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state -> Value?? in
                    if let value = state.value { return .some(value) }
                    // The handler below may have run already, and would find nobody to wake.
                    if Task.isCancelled { return .some(nil) }
                    state.waiters[waiter] = continuation
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume(returning: nil)
        }
    }

    /// The value, if it is there in time.
    func wait(atMost limit: Duration) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            defer { group.cancelAll() }
            group.addTask { await self.wait() }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            return await group.next() ?? nil
        }
    }

    /// Gives the value to all who wait, and to all who come later.
    func land(_ value: Value) {
        let waiters = state.withLock { state in
            state.value = value
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(returning: value) }
    }
}

/// Work by name, done once for all who want it at the same time.
final class FlightTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let flights = Mutex<[Key: Flight<Value>]>([:])

    /// The work that is going on under a name, begun if nobody has.
    ///
    /// It runs to its end whoever loses interest.
    func join(
        _ key: Key,
        _ work: @escaping @Sendable () async -> Value
    ) -> Flight<Value> {
        let flight = Flight<Value>()
        let running = flights.withLock { flights -> Flight<Value>? in
            if let running = flights[key] { return running }
            flights[key] = flight
            return nil
        }
        if let running { return running }
        Task {
            let value = await work()
            _ = flights.withLock { $0.removeValue(forKey: key) }
            flight.land(value)
        }
        return flight
    }
}
