// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Blocking work that is not waited for longer than a time.
enum Bounded {
    /// Does the work on a thread of its own, which goes on by itself when the time is up.
    ///
    /// - Returns: `nil` when it was.
    static func run<Value: Sendable>(
        _ limit: Duration,
        _ work: @escaping @Sendable () -> Value
    ) async -> Value? {
        await withCheckedContinuation { continuation in
            let answer = First { continuation.resume(returning: $0) }
            Thread.detachNewThread { answer.give(work()) }
            DispatchQueue.global().asyncAfter(deadline: .now() + limit / .seconds(1)) {
                answer.give(nil)
            }
        }
    }

    /// Does the work in a task of its own, which is cancelled when the time is up and ends by itself: a
    /// name that is being looked up cannot be given up.
    ///
    /// - Returns: `nil` when it was.
    static func wait<Value: Sendable>(
        _ limit: Duration,
        _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        await withCheckedContinuation { continuation in
            let answer = First<Value> { continuation.resume(returning: $0) }
            let task = Task { answer.give(await work()) }
            DispatchQueue.global().asyncAfter(deadline: .now() + limit / .seconds(1)) {
                task.cancel()
                answer.give(nil)
            }
        }
    }

    /// Passes the first answer on, and no other.
    private final class First<Value: Sendable>: Sendable {
        private let pass: Mutex<(@Sendable (Value?) -> Void)?>

        init(_ pass: @escaping @Sendable (Value?) -> Void) { self.pass = Mutex(pass) }

        func give(_ value: Value?) {
            let waiting = pass.withLock { pass in
                defer { pass = nil }
                return pass
            }
            waiting?(value)
        }
    }
}
