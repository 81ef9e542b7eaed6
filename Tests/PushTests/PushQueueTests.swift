// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import NixStore
import PushTestSupport
import Synchronization
import Testing

@testable import Push

@Suite struct PushQueueTests {
    private static func withQueue(
        _ body: (PushQueue, FolderStore) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let queue = try PushQueue(state: directory.path("a/b/state"), cache: "cachix:test")
            let store = FolderStore(folder: try directory.makeDirectory("store"))
            try await body(queue, store)
        }
    }

    private static func worker(
        _ queue: PushQueue,
        _ store: FolderStore,
        _ target: MemoryTarget,
        filter: PushFilter = .none,
        onDrop: @escaping @Sendable (StorePath) -> Void = { _ in }
    ) -> PushWorker {
        var configuration = Pusher.Configuration()
        configuration.retry.patience = .zero
        let pusher = Pusher(from: store, to: target, configuration: configuration)
        var pauses = PushWorker.Pauses()
        pauses.first = .milliseconds(1)
        pauses.longest = .milliseconds(4)
        return PushWorker(
            queue,
            store: store,
            pusher: pusher,
            filter: filter,
            pauses: pauses,
            onDrop: onDrop
        )
    }

    @Test func aPathIsQueuedOnce() async throws {
        try await Self.withQueue { queue, _ in
            let path = try FolderStore.path(1)
            try queue.add(path)
            try queue.add(path)
            #expect(try queue.entries() == [path])
            try queue.remove(path)
            try queue.remove(path)
            #expect(try queue.entries() == [])
        }
    }

    @Test func filesThatAreNoEntriesAreLeftAlone() async throws {
        try await Self.withQueue { queue, _ in
            let file = "\(queue.entriesDirectory)/.nfs0001"
            try Data().write(to: URL(filePath: file))
            #expect(try queue.entries() == [])
            #expect(FileManager.default.fileExists(atPath: file))
        }
    }

    @Test func oneAtATimeSends() async throws {
        try await Self.withQueue { queue, _ in
            var lock = try QueueLock.take(queue)
            #expect(lock != nil)
            #expect(try QueueLock.take(queue) == nil)
            lock = nil
            #expect(try QueueLock.take(queue) != nil)
        }
    }

    @Test func whatWasSentLeavesTheQueueWithItsClosureInTheCache() async throws {
        try await Self.withQueue { queue, store in
            let paths = try [1, 2].map { try FolderStore.path($0) }
            try store.add(paths[0], [1])
            try store.add(paths[1], [2], references: [paths[0]])
            try queue.add(paths[1])
            let target = MemoryTarget()
            var worker = Self.worker(queue, store, target)
            guard case .sent = try await worker.round() else { return #expect(Bool(false)) }
            #expect(target.completed == paths)
            #expect(try queue.entries() == [])
            guard case .idle = try await worker.round() else { return #expect(Bool(false)) }
        }
    }

    @Test func whatFailsStaysAndIsTriedAgain() async throws {
        try await Self.withQueue { queue, store in
            let paths = try [1, 2].map { try FolderStore.path($0) }
            for path in paths {
                try store.add(path, [1])
                try queue.add(path)
            }
            let failures = Mutex(3)
            let target = MemoryTarget { call in
                guard case .begin(paths[0]) = call else { return }
                try failures.withLock { failures in
                    guard failures > 0 else { return }
                    failures -= 1
                    throw PushTargetError.rejected(reason: "no")
                }
            }
            var worker = Self.worker(queue, store, target)
            _ = try await worker.round()
            #expect(try queue.entries() == [paths[0]])
            #expect(worker.nextTry != nil)
            try await wait(for: "empty queue") {
                _ = try await worker.round()
                return try queue.entries().isEmpty
            }
            #expect(Set(target.completed) == Set(paths))
            #expect(target.completed.count == 2)
            #expect(worker.nextTry == nil)
        }
    }

    @Test func aCacheThatIsGoneLeavesTheQueueAsItWas() async throws {
        try await Self.withQueue { queue, store in
            let path = try FolderStore.path(1)
            try store.add(path, [1])
            try queue.add(path)
            let isGone = Mutex(true)
            let target = MemoryTarget { _ in
                if isGone.withLock({ $0 }) { throw PushTargetError.unreachable(reason: "gone") }
            }
            var worker = Self.worker(queue, store, target)
            await #expect(throws: PushTargetError.self) { _ = try await worker.round() }
            #expect(try queue.entries() == [path])
            isGone.withLock { $0 = false }
            try await wait(for: "empty queue") {
                _ = try? await worker.round()
                return try queue.entries().isEmpty
            }
            #expect(target.completed == [path])
        }
    }

    @Test func whatWasCollectedIsDropped() async throws {
        try await Self.withQueue { queue, store in
            let paths = try [1, 2].map { try FolderStore.path($0) }
            for path in paths { try queue.add(path) }
            try store.add(paths[1], [1])
            let dropped = Mutex<[StorePath]>([])
            let target = MemoryTarget()
            var worker = Self.worker(queue, store, target) { path in
                dropped.withLock { $0.append(path) }
            }
            _ = try await worker.round()
            #expect(dropped.withLock { $0 } == [paths[0]])
            #expect(try queue.entries() == [])
            #expect(target.completed == [paths[1]])
        }
    }

    @Test func whatAFilterKeepsBackLeavesTheQueueUnsent() async throws {
        try await Self.withQueue { queue, store in
            let path = try FolderStore.path(1)
            try store.add(path, [1])
            try queue.add(path)
            let target = MemoryTarget()
            let filter = try PushFilter(excluding: ["path-1"])
            var worker = Self.worker(queue, store, target, filter: filter)
            _ = try await worker.round()
            #expect(try queue.entries() == [])
            #expect(target.completed == [])
        }
    }

    @Test func whatIsKnownToBeThereIsNotAskedForAgain() async throws {
        try await Self.withQueue { queue, store in
            let paths = try (1...3).map { try FolderStore.path($0) }
            try store.add(paths[0], [1])
            try store.add(paths[1], [2], references: [paths[0]])
            try store.add(paths[2], [3], references: [paths[0]])
            let target = MemoryTarget()
            var worker = Self.worker(queue, store, target)
            for path in paths.dropFirst() {
                try queue.add(path)
                _ = try await worker.round()
            }
            #expect(
                target.calls.filter { if case .question = $0 { true } else { false } }
                    == [.question(2), .question(1)]
            )
        }
    }

    @Test func aDerivationsFileTellsItsOutputs() throws {
        let path = try FolderStore.path(1)
        let other = try FolderStore.path(2)
        let directory = StoreDirectory.standard
        let text =
            "Derive([(\"dev\",\"\(directory.path(of: path))\",\"\",\"\"),"
            + "(\"out\",\"\(directory.path(of: other))\",\"r:sha256\",\"00\")],[(\"x\",[\"out\"])"
        let outputs = DerivationOutputs.parse(Array(text.utf8), in: directory)
        #expect(outputs == [path, other])
        for odd in ["", "Derive([", "Derive([(\"out\",\"\",\"r:sha256\",\"\")],", "x\(text)"] {
            #expect(DerivationOutputs.parse(Array(odd.utf8), in: directory).isEmpty)
        }
    }

    @Test func arrivalsAreQueuedFromWhereTheLastWatchEnded() async throws {
        try await Self.withQueue { queue, store in
            try store.add(try FolderStore.path(1), [1])
            var first = try await ArrivalIntake(store, into: queue, remembers: true)
            #expect(try await first.take() == [])
            let second = try FolderStore.path(2)
            try store.add(second, [2])
            // While nobody watches.
            try store.add(try FolderStore.path(3, "x.drv").asDerivation, [3])
            var later = try await ArrivalIntake(store, into: queue, remembers: true)
            #expect(try await later.take() == [second])
            #expect(try queue.entries() == [second])
            #expect(try await later.take() == [])
            var other = try await ArrivalIntake(store, into: queue, remembers: false)
            #expect(try await other.take() == [])
        }
    }
}

extension StorePath {
    fileprivate var asDerivation: StorePath {
        get throws { try StorePath(hash: hash, name: "\(name).drv") }
    }
}
