// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import NixFormat
import NixStore
import PushTestSupport
import Synchronization
import Testing

@testable import Push

/// Pushes to a cache that takes many paths at once.
@Suite struct PushRunTests {
    private static let contents = Array("some contents".utf8)

    /// A chain of paths, each of which refers to the one before.
    private func withChain(
        _ count: Int,
        _ body: (FolderStore, [StorePath]) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            let paths = try (0..<count).map { try FolderStore.path($0) }
            for (number, path) in paths.enumerated() {
                try store.add(path, Self.contents, references: Array(paths[..<number].suffix(1)))
            }
            try await body(store, paths)
        }
    }

    private func push(
        _ paths: [StorePath],
        of store: FolderStore,
        to target: MemoryTarget,
        configuration: Pusher.Configuration = PusherTests.quick()
    ) async throws -> PushReport {
        let pusher = Pusher(from: store, to: target, configuration: configuration)
        return await pusher.push(try await pusher.plan(paths.map(\.hash)))
    }

    private func outcomes(_ report: PushReport) -> [StorePath: PushOutcome] {
        Dictionary(uniqueKeysWithValues: report.results.map { ($0.info.path, $0.outcome) })
    }

    /// While a request is under way, what becomes ready gathers.
    @Test func manyPathsTravelInFewRequests() async throws {
        try await withChain(200) { store, paths in
            let target = MemoryTarget(MemoryTarget.together)
            let report = try await push(paths, of: store, to: target)
            #expect(report.isComplete)
            #expect(target.holes == [])
            let bundled = target.calls.flatMap { call -> [StorePath] in
                if case .bundle(let paths) = call { paths } else { [] }
            }
            #expect(bundled.count == paths.count)
            for call in target.calls {
                switch call {
                case .bundle(let paths): #expect((1...50).contains(paths.count))
                case .commit(let paths): #expect((1...20).contains(paths.count))
                case .begin, .put, .finish, .abort, .prove: Issue.record("\(call)")
                case .access, .question: break
                }
            }
        }
    }

    @Test func whatTheCacheHasIsProvedAndNotSent() async throws {
        try await withChain(3) { store, paths in
            let nonce: [UInt8] = [1, 2, 3]
            let target = MemoryTarget(
                MemoryTarget.together,
                needs: [paths[1].hash: .prove(nonce: nonce)]
            )
            let report = try await push(paths, of: store, to: target)
            #expect(report.isComplete)
            #expect(outcomes(report)[paths[1]] == .proved)
            #expect(target.calls.contains(.prove([paths[1]])))
            let digest = SHA256Hasher.hash(nonce + FolderStore.nar(Self.contents)).digest
            #expect(target.file(of: paths[1].hash) == digest)
        }
    }

    @Test func aLargeNARIsProvedByTheSameDigest() async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            let path = try FolderStore.path(1)
            let contents = Array(repeating: UInt8(5), count: 9_000_001)
            try store.add(path, contents)
            let target = MemoryTarget(
                MemoryTarget.together,
                needs: [path.hash: .prove(nonce: [9])]
            )
            let report = try await push([path], of: store, to: target)
            #expect(report.isComplete)
            let digest = SHA256Hasher.hash([9] + FolderStore.nar(contents)).digest
            #expect(target.file(of: path.hash) == digest)
        }
    }

    @Test func whoIsNotBelievedSends() async throws {
        try await withChain(3) { store, paths in
            let target = MemoryTarget(
                MemoryTarget.together,
                needs: [paths[1].hash: .prove(nonce: [1])],
                fault: { call in
                    if case .prove = call { throw PushTargetError.rejected(reason: "too late") }
                }
            )
            let report = try await push(paths, of: store, to: target)
            #expect(report.isComplete)
            #expect(report.proved.isEmpty)
            #expect(target.holes == [])
        }
    }

    @Test(arguments: [1, 2, 3])
    func whatIsAbsentIsSentAgainTwiceAtMost(_ times: Int) async throws {
        try await withChain(3) { store, paths in
            let left = Mutex(times)
            let target = MemoryTarget(
                MemoryTarget.together,
                verdict: { path in
                    guard path == paths[1] else { return nil }
                    return left.withLock { left in
                        left -= 1
                        return left >= 0 ? .absent : nil
                    }
                }
            )
            let report = try await push(paths, of: store, to: target)
            let sendings = target.calls.count {
                if case .bundle(let sent) = $0 { sent.contains(paths[1]) } else { false }
            }
            #expect(sendings == min(times, 2) + 1)
            #expect(report.isComplete == (times < 3))
            if times == 3 {
                #expect(outcomes(report)[paths[0]]?.isSent == true)
                #expect(outcomes(report)[paths[2]] == .refersTo(paths[1]))
            }
        }
    }

    @Test func whatIsToComeLaterComesLater() async throws {
        try await withChain(4) { store, paths in
            let left = Mutex(5)
            let target = MemoryTarget(
                MemoryTarget.together,
                verdict: { path in
                    guard path == paths[1] else { return nil }
                    return left.withLock { left in
                        left -= 1
                        return left >= 0 ? .later(reason: "somebody brings it") : nil
                    }
                }
            )
            let report = try await push(paths, of: store, to: target)
            #expect(report.isComplete)
            #expect(target.completed == paths)
        }
    }

    @Test func patienceWithLaterHasAnEnd() async throws {
        try await withChain(2) { store, paths in
            let target = MemoryTarget(
                MemoryTarget.together,
                verdict: { $0 == paths[0] ? .later(reason: "somebody brings it") : nil }
            )
            var configuration = PusherTests.quick()
            configuration.retry.patience = .milliseconds(20)
            let report = try await push(
                paths,
                of: store,
                to: target,
                configuration: configuration
            )
            #expect(outcomes(report)[paths[0]] == .failed(reason: "somebody brings it"))
            #expect(outcomes(report)[paths[1]] == .refersTo(paths[0]))
        }
    }

    @Test func whatLacksSomethingElseFailsAfterSomeTries() async throws {
        try await withChain(2) { store, paths in
            let target = MemoryTarget(
                MemoryTarget.together,
                verdict: { $0 == paths[1] ? .lacking(reason: "x is nowhere") : nil }
            )
            let report = try await push(paths, of: store, to: target)
            #expect(outcomes(report)[paths[0]]?.isSent == true)
            #expect(outcomes(report)[paths[1]] == .failed(reason: "x is nowhere"))
            let tries = target.calls.count {
                if case .commit(let paths_) = $0 { paths_.contains(paths[1]) } else { false }
            }
            #expect(tries == CommitPatience.mostLacking + 1)
        }
    }

    @Test func whatIsRefusedInACommitTakesOnlyItsDependantsWithIt() async throws {
        try await withChain(3) { store, paths in
            let target = MemoryTarget(
                MemoryTarget.together,
                verdict: { $0 == paths[1] ? .refused(reason: "no") : nil }
            )
            let report = try await push(paths, of: store, to: target)
            let outcomes = outcomes(report)
            #expect(outcomes[paths[0]]?.isSent == true)
            #expect(outcomes[paths[1]] == .failed(reason: "no"))
            #expect(outcomes[paths[2]] == .refersTo(paths[1]))
        }
    }
}

extension PushOutcome {
    var isSent: Bool { if case .sent = self { true } else { false } }
}
