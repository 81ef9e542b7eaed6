// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A number of places, given in the order of asking.
///
/// The HTTP client has a queue of its own, but counts the time in it as time for connecting: who waits
/// here is known not to have asked the server anything yet.
final class ConnectionSlots: Sendable {
    private enum Ticket {
        /// Its task is on the way to its sleep.
        case drawn
        case waiting(CheckedContinuation<Bool, Never>)
        case granted
    }

    private struct State {
        var free: Int
        var nextID: UInt64 = 0
        var tickets: [UInt64: Ticket] = [:]
        /// The first has waited longest; those who gave up are passed over when their turn comes.
        var order: ArraySlice<UInt64> = []
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: count)) }

    /// Waits for a place; who comes again, having had one, goes before all others.
    ///
    /// - Returns: Whether a place was got; ``release()`` gives it back.
    func acquire(until deadline: Instant, again isAgain: Bool) async -> Bool {
        guard let ticket = takeOrDraw(isAgain) else { return true }
        return await withTaskGroup(of: Bool?.self) { group in
            group.addTask { await self.wait(ticket) }
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                self.giveUp(ticket)
                return nil
            }
            var isGranted = false
            for await case let result? in group {
                isGranted = result
                group.cancelAll()
            }
            return isGranted
        }
    }

    func release() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            while let id = state.order.popFirst() {
                switch state.tickets[id] {
                case .drawn:
                    state.tickets[id] = .granted
                    return nil
                case .waiting(let waiter):
                    state.tickets[id] = nil
                    return waiter
                case .granted, nil: continue
                }
            }
            state.free += 1
            return nil
        }
        next?.resume(returning: true)
    }

    private func takeOrDraw(_ isAgain: Bool) -> UInt64? {
        state.withLock { state in
            guard state.free == 0 else {
                state.free -= 1
                return nil
            }
            state.nextID += 1
            state.tickets[state.nextID] = .drawn
            if isAgain {
                state.order.insert(state.nextID, at: state.order.startIndex)
            } else {
                state.order.append(state.nextID)
            }
            return state.nextID
        }
    }

    private func wait(_ id: UInt64) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer: Bool? = state.withLock { state in
                switch state.tickets[id] {
                case .drawn:
                    state.tickets[id] = .waiting(continuation)
                    return nil
                case .granted:
                    state.tickets[id] = nil
                    return true
                case .waiting, nil: return false
                }
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    private func giveUp(_ id: UInt64) {
        let waiter: CheckedContinuation<Bool, Never>? = state.withLock { state in
            switch state.tickets[id] {
            case .drawn:
                state.tickets[id] = nil
                return nil
            case .waiting(let waiter):
                state.tickets[id] = nil
                return waiter
            case .granted, nil: return nil
            }
        }
        waiter?.resume(returning: false)
    }
}
