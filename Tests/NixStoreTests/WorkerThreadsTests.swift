// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Glibc
import NixStore
import Synchronization
import Testing

@Suite struct WorkerThreadsTests {
    @Test func workIsDoneInOrderOnThreadsOfThePool() async throws {
        let workers = WorkerThreads(name: "firn-test-pool", threads: 1, maximumQueued: 100)
        let seen = Mutex<[Int]>([])
        let done = Atomic<Bool>(false)
        for number in 0..<50 {
            #expect(workers.submit { seen.withLock { $0.append(number) } })
        }
        #expect(workers.submit { done.store(true, ordering: .releasing) })
        try await wait(for: "all work") { done.load(ordering: .acquiring) }
        #expect(seen.withLock { $0 } == Array(0..<50))
    }

    @Test func whatWorkReturnsOrThrowsComesBack() async throws {
        struct Broken: Error {}
        let workers = WorkerThreads(name: "test", threads: 2, maximumQueued: 10)
        #expect(try await workers.run(deadline: .seconds(10)) { 6 * 7 } == 42)
        await #expect(throws: Broken.self) {
            try await workers.run(deadline: .seconds(10)) { throw Broken() }
        }
    }

    @Test func aDeadlineIsKeptThoughTheWorkIsNot() async throws {
        let workers = WorkerThreads(name: "test", threads: 1, maximumQueued: 10)
        let hold = Latch()
        defer { hold.open() }
        await #expect(throws: WorkerThreads.Failure.deadlineExceeded) {
            try await workers.run(deadline: .milliseconds(50)) { hold.wait() }
        }
    }

    @Test func workThatIsLateBeforeItStartsIsNotStarted() async throws {
        let workers = WorkerThreads(name: "test", threads: 1, maximumQueued: 10)
        let hold = Latch()
        let ran = Atomic<Bool>(false)
        #expect(workers.submit { hold.wait() })
        await #expect(throws: WorkerThreads.Failure.deadlineExceeded) {
            try await workers.run(deadline: .milliseconds(20)) {
                ran.store(true, ordering: .releasing)
            }
        }
        hold.open()
        // One thread: when this has been done, the other had its turn.
        try await workers.run(deadline: .seconds(10)) {}
        let didRun = ran.load(ordering: .acquiring)
        #expect(!didRun)
    }

    @Test func aFullQueueRefusesAtOnce() async throws {
        let workers = WorkerThreads(name: "test", threads: 1, maximumQueued: 1)
        let hold = Latch()
        defer { hold.open() }
        #expect(workers.submit { hold.wait() })
        try await wait(for: "room in the queue") { workers.submit {} }
        #expect(!workers.submit {})
        await #expect(throws: WorkerThreads.Failure.queueFull) {
            try await workers.run(deadline: .seconds(10)) {}
        }
    }

    @Test func afterShutDownNothingIsTaken() {
        let workers = WorkerThreads(name: "test", threads: 1, maximumQueued: 1)
        workers.shutDown()
        workers.shutDown()
        #expect(!workers.submit {})
    }
}

/// Holds threads until it is opened.
private final class Latch: Sendable {
    private let isOpen = Atomic<Bool>(false)

    func wait() {
        while !isOpen.load(ordering: .acquiring) { usleep(1_000) }
    }

    func open() { isOpen.store(true, ordering: .releasing) }
}
