// SPDX-License-Identifier: Apache-2.0
import Compression
import FirnTestSupport
import NixFormat
import NixStore
import PushTestSupport
import Synchronization
import Testing

@testable import Push

@Suite struct PusherTests {
    static func quick(jobs: Int = 8) -> Pusher.Configuration {
        var configuration = Pusher.Configuration()
        configuration.jobs = jobs
        configuration.retry.firstPause = .milliseconds(1)
        configuration.retry.longestPause = .milliseconds(2)
        return configuration
    }

    /// Any graph, any faults that pass: everything arrives, once, and never before what it needs.
    @Test(arguments: 0..<10, [MemoryTarget.oneByOne, MemoryTarget.together])
    func everythingArrivesInOrderWhateverFailsForATime(
        _ seed: Int,
        _ limits: PushLimits
    ) async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            var random = Seeded(UInt64(seed))
            let infos = try PushOrderTests.graph(&random, count: 60)
            for (number, info) in infos.enumerated() {
                try store.add(
                    info.path,
                    Array("contents of \(number)".utf8),
                    references: info.references
                )
            }
            let lots = Mutex(Seeded(UInt64(seed) + 1_000))
            var limits = limits
            limits.questionPaths = 7
            let target = MemoryTarget(limits) { _ in
                switch lots.withLock({ $0.next(12) }) {
                case 0: throw PushTargetError.unreachable(reason: "down")
                case 1: throw PushTargetError.busy(reason: "busy", retryAfter: .milliseconds(1))
                default: break
                }
            }
            let pusher = Pusher(from: store, to: target, configuration: Self.quick())
            let plan = try await pusher.plan(infos.map(\.path.hash))
            let report = await pusher.push(plan)
            #expect(report.isComplete)
            #expect(target.holes == [])
            #expect(Set(target.completed) == Set(infos.map(\.path)))
            #expect(target.completed.count == infos.count)
            #expect(target.openUploads == 0)
        }
    }

    /// Parts that fail for good take with them what needs them, and nothing else.
    @Test(arguments: 0..<10, [MemoryTarget.oneByOne, MemoryTarget.together])
    func whatFailsForGoodTakesOnlyItsDependantsWithIt(
        _ seed: Int,
        _ limits: PushLimits
    ) async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            var random = Seeded(UInt64(seed) + 50)
            let infos = try PushOrderTests.graph(&random, count: 60)
            for info in infos {
                try store.add(info.path, Array(info.path.name.utf8), references: info.references)
            }
            let bad = Set([3, 11].map { infos[$0].path })
            let target = MemoryTarget(limits) { call in
                switch call {
                case .begin(let path) where bad.contains(path):
                    throw PushTargetError.rejected(reason: "no")
                // One of them spoils the whole request.
                case .bundle(let paths) where !bad.isDisjoint(with: paths):
                    throw PushTargetError.rejected(reason: "no")
                default: break
                }
            }
            let pusher = Pusher(from: store, to: target, configuration: Self.quick())
            let report = await pusher.push(try await pusher.plan(infos.map(\.path.hash)))
            #expect(target.holes == [])
            #expect(target.openUploads == 0)
            var fallen = bad
            for info in infos where !fallen.isDisjoint(with: info.references) {
                fallen.insert(info.path)
            }
            #expect(Set(target.completed) == Set(infos.map(\.path)).subtracting(fallen))
            for result in report.results where fallen.contains(result.info.path) {
                switch result.outcome {
                case .failed, .refersTo: break
                default: Issue.record("\(result.outcome)")
                }
            }
        }
    }

    @Test func aRefusalEndsThePushAndIsReported() async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            let paths = try (0..<20).map { try FolderStore.path($0) }
            for path in paths { try store.add(path, [1]) }
            let target = MemoryTarget { call in
                if case .commit = call { throw PushTargetError.refused(reason: "revoked") }
            }
            let pusher = Pusher(from: store, to: target, configuration: Self.quick(jobs: 1))
            let report = await pusher.push(try await pusher.plan(paths.map(\.hash)))
            #expect(report.stop == .refused(reason: "revoked"))
            #expect(report.doneCount == 0)
            #expect(target.calls.count { if case .begin = $0 { true } else { false } } <= 3)
        }
    }

    @Test func aRefusalEndsAPushOfManyAtOnce() async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            let paths = try (0..<20).map { try FolderStore.path($0) }
            for path in paths { try store.add(path, [1]) }
            let target = MemoryTarget(MemoryTarget.together) { call in
                if case .bundle = call { throw PushTargetError.refused(reason: "no room") }
            }
            let pusher = Pusher(from: store, to: target, configuration: Self.quick())
            let report = await pusher.push(try await pusher.plan(paths.map(\.hash)))
            #expect(report.stop == .refused(reason: "no room"))
            #expect(report.results.allSatisfy { $0.outcome == .notSent })
            #expect(target.completed == [])
        }
    }

    /// The file is what one thread would have made of the NAR, whatever the number of frames.
    @Test(
        arguments: [1, 1_000, (2 << 20) - 112, 2 << 20, 4_000_000, 5_000_000, 20_000_000],
        [MemoryTarget.oneByOne, MemoryTarget.together]
    )
    func theFileIsThatOfTheSeekableForm(_ sizeBytes: Int, _ limits: PushLimits) async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            var random = Seeded(UInt64(sizeBytes))
            let path = try FolderStore.path(1)
            var contents: [UInt8] = []
            contents.reserveCapacity(sizeBytes)
            while contents.count < sizeBytes {
                let word = UInt64(random.next(Int.max))
                contents += (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 7)) }
            }
            contents = Array(contents.prefix(sizeBytes))
            try store.add(path, contents)
            let target = MemoryTarget(limits)
            let pusher = Pusher(from: store, to: target, configuration: Self.quick())
            let report = await pusher.push(try await pusher.plan([path.hash]))
            #expect(report.isComplete)
            var encoder = try SeekableZstdEncoder(level: 3)
            var expected: [UInt8] = []
            try unsafe FolderStore.nar(contents).withUnsafeBytes {
                try unsafe encoder.update($0, into: &expected)
            }
            try encoder.finish(into: &expected)
            let isSame = target.file(of: path.hash) == expected
            #expect(isSame)
            #expect(report.fileBytes == UInt64(expected.count))
        }
    }

    @Test func aPathThatIsGoneIsCollectedAndNotFailed() async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            let paths = try [1, 2].map { try FolderStore.path($0) }
            for path in paths { try store.add(path, [1]) }
            let target = MemoryTarget()
            let pusher = Pusher(from: store, to: target, configuration: Self.quick())
            let plan = try await pusher.plan(paths.map(\.hash))
            try store.collect(paths[0])
            let report = await pusher.push(plan)
            #expect(report.results.map(\.outcome).contains(.collected))
            #expect(target.completed == [paths[1]])
            await #expect(throws: ClosureWalk.NotValid.self) {
                try await pusher.plan(paths.map(\.hash))
            }
        }
    }
}
