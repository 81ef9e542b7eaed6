// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import NixFormat
import NixStore
import PushTestSupport
import Synchronization
import Testing

@testable import Push

/// Large NARs, to a cache that keeps what has arrived of them.
@Suite struct PathUploadTests {
    private static let sizeBytes = 40_000_000

    private func withLargePath(
        _ body: (FolderStore, StorePath) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let store = FolderStore(folder: directory.path)
            let path = try FolderStore.path(1)
            var random = Seeded(7)
            var contents: [UInt8] = []
            contents.reserveCapacity(Self.sizeBytes)
            while contents.count < Self.sizeBytes {
                let word = UInt64(random.next(Int.max))
                for shift in 0..<8 {
                    contents.append(UInt8(truncatingIfNeeded: word >> (shift * 7)))
                }
            }
            try store.add(path, contents)
            try await body(store, path)
        }
    }

    private func push(
        _ path: StorePath,
        of store: FolderStore,
        to target: MemoryTarget,
        patience: Duration = .seconds(90)
    ) async throws -> PushReport {
        var configuration = PusherTests.quick()
        configuration.retry.patience = patience
        let pusher = Pusher(from: store, to: target, configuration: configuration)
        return await pusher.push(try await pusher.plan([path.hash]))
    }

    private func sentBytes(_ calls: some Sequence<MemoryTarget.Call>) -> Int {
        calls.reduce(0) { sum, call in
            if case .put(_, let bytes) = call { sum + bytes } else { sum }
        }
    }

    @Test func aPushThatIsMadeAgainSendsOnlyWhatIsMissing() async throws {
        try await withLargePath { store, path in
            let isDown = Mutex(true)
            let target = MemoryTarget(MemoryTarget.together) { call in
                guard case .put(3, _) = call, isDown.withLock({ $0 }) else { return }
                throw PushTargetError.unreachable(reason: "down")
            }
            let first = try await push(path, of: store, to: target, patience: .zero)
            #expect(first.stop == .unreachable(reason: "down"))
            // It is kept for the next push.
            #expect(target.openUploads == 1)
            let kept = target.arrivedBytes
            #expect(kept > 0)
            isDown.withLock { $0 = false }
            let before = target.calls.count
            let second = try await push(path, of: store, to: target)
            #expect(second.isComplete)
            let again = sentBytes(target.calls.dropFirst(before))
            #expect(UInt64(again + kept) == second.fileBytes)
        }
    }

    /// A part that broke off is asked about before it is sent again.
    @Test func aPartThatArrivedWithoutAnAnswerIsNotSentAgain() async throws {
        try await withLargePath { store, path in
            let hasFailed = Mutex(false)
            let target = MemoryTarget(
                MemoryTarget.together,
                afterwards: { call in
                    guard case .put(1, _) = call else { return }
                    let isFirst = hasFailed.withLock { hasFailed in
                        defer { hasFailed = true }
                        return !hasFailed
                    }
                    if isFirst { throw PushTargetError.unreachable(reason: "the answer was lost") }
                }
            )
            let report = try await push(path, of: store, to: target)
            #expect(report.isComplete)
            #expect(UInt64(sentBytes(target.calls)) == report.fileBytes)
        }
    }

    @Test func anUploadThatTheCacheForgetsIsBegunAgain() async throws {
        try await withLargePath { store, path in
            let hasForgotten = Mutex(false)
            let target = MemoryTarget(MemoryTarget.together, losesWhatItRejects: true) { call in
                guard call == .finish else { return }
                let isFirst = hasForgotten.withLock { hasForgotten in
                    defer { hasForgotten = true }
                    return !hasForgotten
                }
                if isFirst { throw PushTargetError.lost(reason: "no such upload") }
            }
            let report = try await push(path, of: store, to: target)
            #expect(report.isComplete)
            #expect(target.calls.count { $0 == .begin(path) } == 2)
            #expect(UInt64(sentBytes(target.calls)) == report.fileBytes * 2)
        }
    }

    @Test func aCacheThatForgetsForEverIsGivenUp() async throws {
        try await withLargePath { store, path in
            let target = MemoryTarget(MemoryTarget.together) { call in
                if call == .finish { throw PushTargetError.lost(reason: "no such upload") }
            }
            let report = try await push(path, of: store, to: target)
            #expect(report.results.map(\.outcome) == [.failed(reason: "no such upload")])
            #expect(target.calls.count { $0 == .begin(path) } == 4)
        }
    }

    /// Two halves that do not fit are found out at the end, and sent once more as one.
    @Test func whatIsWrongAfterGoingOnIsSentOnceMoreAsAWhole() async throws {
        try await withLargePath { store, path in
            let isDown = Mutex(true)
            let checks = Mutex(0)
            let target = MemoryTarget(MemoryTarget.together, losesWhatItRejects: true) { call in
                switch call {
                case .put(3, _) where isDown.withLock { $0 }:
                    throw PushTargetError.unreachable(reason: "down")
                case .finish:
                    let isFirst = checks.withLock { checks in
                        checks += 1
                        return checks == 1
                    }
                    if isFirst { throw PushTargetError.rejected(reason: "NarHash is another") }
                default: break
                }
            }
            _ = try await push(path, of: store, to: target, patience: .zero)
            isDown.withLock { $0 = false }
            let report = try await push(path, of: store, to: target)
            #expect(report.isComplete)
            #expect(checks.withLock { $0 } == 2)
        }
    }

    @Test func whatIsWrongFromTheStartFails() async throws {
        try await withLargePath { store, path in
            let target = MemoryTarget(MemoryTarget.together, losesWhatItRejects: true) { call in
                if call == .finish { throw PushTargetError.rejected(reason: "NarHash is another") }
            }
            let report = try await push(path, of: store, to: target)
            #expect(report.results.map(\.outcome) == [.failed(reason: "NarHash is another")])
            #expect(target.calls.count { $0 == .finish } == 1)
            #expect(target.openUploads == 0)
        }
    }
}
