// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A fixed number of threads for calls that block, with a queue of bounded length.
///
/// Swift's own pool has as many threads as there are cores, so nothing that waits for a disk or a
/// lock may run on it. The threads end when the object goes or ``shutDown()`` is called.
package final class WorkerThreads: Sendable {
    package enum Failure: Error {
        /// The work was not done in time. It may still be running, and what it returns is dropped.
        case deadlineExceeded
        /// As much work as allowed is waiting already.
        case queueFull
        case shutDown
    }

    package typealias Work = @Sendable () -> Void

    private let queue: Monitor<WorkQueue>
    private let deadlines = DeadlineWatch()

    /// - Parameters:
    ///   - name: Shown by `top -H`; the kernel keeps its first 15 bytes.
    ///   - threads: At least one.
    ///   - maximumQueued: Pieces of work that may wait while all threads are busy.
    package init(name: String, threads: Int, maximumQueued: Int) {
        precondition(threads > 0 && maximumQueued > 0, "a pool needs threads and room to wait")
        let queue = Monitor(WorkQueue(maximumCount: maximumQueued))
        self.queue = queue
        for _ in 0..<threads {
            Thread.start(name: String(name.prefix(15))) {
                while let work = queue.wait(until: { $0.next() }) ?? nil { work() }
            }
        }
    }

    deinit {
        shutDown()
    }

    /// Has a thread do `work` as soon as one is free.
    ///
    /// - Returns: `false` when the queue is full or was shut down; then `work` is not done.
    package func submit(_ work: @escaping Work) -> Bool {
        guard queue.withLock({ $0.append(work) }) == .accepted else { return false }
        queue.signal()
        return true
    }

    /// Does `work` on a thread and waits for it no longer than `deadline`, time in the queue
    /// included.
    ///
    /// - Throws: ``Failure`` or what `work` threw. Work that is late before it starts is not
    ///   started.
    package func run<Value: Sendable>(
        deadline: Duration,
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let expiry = MonotonicInstant.after(deadline)
        return try await withCheckedThrowingContinuation { continuation in
            let answer = OneAnswer(continuation)
            let watch = deadlines.add(expiry) { answer.give(.failure(Failure.deadlineExceeded)) }
            let isAccepted = submit { [deadlines] in
                guard !answer.isGiven else { return }
                answer.give(Result { try work() })
                deadlines.remove(watch)
            }
            if !isAccepted {
                answer.give(.failure(Failure.queueFull))
                deadlines.remove(watch)
            }
        }
    }

    /// Takes no more work; what is queued is still done.
    ///
    /// May be called twice.
    package func shutDown() {
        queue.withLock { $0.isClosed = true }
        queue.signalAll()
        deadlines.shutDown()
    }
}

/// What waits for a thread, first in first out.
private struct WorkQueue {
    enum Admission { case accepted, full, closed }

    let maximumCount: Int
    var isClosed = false
    private var waiting: [WorkerThreads.Work?] = []
    private var head = 0

    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    mutating func append(_ work: @escaping WorkerThreads.Work) -> Admission {
        if isClosed { return .closed }
        if waiting.count - head >= maximumCount { return .full }
        waiting.append(work)
        return .accepted
    }

    /// - Returns: `nil` to go on waiting, `.some(nil)` when there will be nothing more.
    mutating func next() -> WorkerThreads.Work?? {
        guard head < waiting.count else { return isClosed ? .some(nil) : nil }
        let work = waiting[head]
        waiting[head] = nil
        head += 1
        if head == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 256, head * 2 > waiting.count {
            waiting.removeFirst(head)
            head = 0
        }
        return work
    }
}
