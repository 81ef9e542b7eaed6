// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How many NARs come in at once; who comes on top waits before the first byte of its body is read.
final class UploadSlots: Sendable {
    private struct State {
        var free: Int
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        var order: [Int] = []
        var nextNumber = 0
    }

    private let state: Mutex<State>

    init(maximum: Int) { state = Mutex(State(free: maximum)) }

    /// Waits for a slot.
    ///
    /// - Throws: `CancellationError` when the waiting task is cancelled.
    func take() async throws -> UploadSlot {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        let isTaken = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting[number] = continuation
                    state.order.append(number)
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: false)
        }
        guard isTaken else { throw CancellationError() }
        return UploadSlot(self)
    }

    /// A slot, if one is free now.
    func takeFree() -> UploadSlot? {
        let isTaken = state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
        return isTaken ? UploadSlot(self) : nil
    }

    fileprivate func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            while !state.order.isEmpty {
                let number = state.order.removeFirst()
                if let next = state.waiting.removeValue(forKey: number) { return next }
            }
            state.free += 1
            return nil
        }
        next?.resume(returning: true)
    }
}

/// Given back when it is let go.
final class UploadSlot: Sendable {
    private let slots: UploadSlots

    fileprivate init(_ slots: UploadSlots) { self.slots = slots }

    deinit { slots.giveBack() }
}
