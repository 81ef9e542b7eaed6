// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Memory that many share: who wants more than there is waits, first come first served.
final class MemoryBudget: Sendable {
    private struct Waiter {
        let id: UInt64
        let bytes: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var freeBytes: Int
        var waiters: [Waiter] = []
        var nextID: UInt64 = 0
        var cancelled: Set<UInt64> = []
    }

    let totalBytes: Int
    private let state: Mutex<State>

    init(totalBytes: Int) {
        self.totalBytes = totalBytes
        state = Mutex(State(freeBytes: totalBytes))
    }

    /// Waits until so many bytes are free, and takes them.
    ///
    /// - Throws: `CancellationError`; then nothing was taken.
    func take(_ bytes: Int) async throws {
        precondition(bytes <= totalBytes, "more than the whole budget is never free")
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    guard state.waiters.isEmpty, state.freeBytes >= bytes else {
                        let waiter = Waiter(id: id, bytes: bytes, continuation: continuation)
                        state.waiters.append(waiter)
                        return nil
                    }
                    state.freeBytes -= bytes
                    return .success(())
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let place = state.waiters.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiters.remove(at: place)
            }
            waiter?.continuation.resume(throwing: CancellationError())
            giveBack(0)
        }
        _ = state.withLock { $0.cancelled.remove(id) }
    }

    /// Gives bytes back, and lets those in who can now have what they want.
    func giveBack(_ bytes: Int) {
        let ready = state.withLock { state in
            state.freeBytes += bytes
            var ready: [Waiter] = []
            while let first = state.waiters.first, first.bytes <= state.freeBytes {
                state.freeBytes -= first.bytes
                ready.append(state.waiters.removeFirst())
            }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }
}
