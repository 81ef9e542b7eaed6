// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import Depot
import FirnTestSupport
import Foundation
import NixFormat
import Synchronization
import Testing

/// Pushes, reads, collections and pins in any order, with the power cut anywhere.
///
/// A cut is a copy of the folder, made in the middle of a step: what a killed process leaves is what
/// is in its files at that moment.
@Suite(.serialized) struct CollectionSafetyTests {
    private static let universe = Result { try PushedPath.universe(14) }

    @Test(arguments: 0..<5)
    func anyOrderLeavesWholeClosures(_ seed: Int) async throws {
        let universe = try Self.universe.get()
        try await withTemporaryDirectory { folder in
            var random = SeededRandom(seed: UInt64(seed))
            let keyring = MemoryKeyring()
            let cuts = Cuts(of: folder.path("depot"), into: folder.path, seed: UInt64(seed))
            let test = try PushedCache.open(folder.path("depot"), keyring) { cuts.reached($0) }
            for turn in 0..<80 {
                try await Self.act(on: test, universe, &random)
                try test.verify(universe, "seed \(seed), turn \(turn)")
            }
            #expect(cuts.copies.count > 3)
            for (copy, step) in cuts.copies {
                try await Self.verifyAfterCut(copy, step, universe, keyring, seed)
            }
        }
    }

    private static func act(
        on test: PushedCache,
        _ universe: [PushedPath],
        _ random: inout SeededRandom
    ) async throws {
        guard let path = universe.randomElement(using: &random) else { return }
        switch Int.random(in: 0..<32, using: &random) {
        case 22..<31:
            try await Self.allowingRefusal {
                try await Self.push(closure(of: path, universe), to: test, &random)
            }
        case 31:
            _ = try await test.caches.plan(universe.map(\.question), in: test.cache, by: .owner)
        case 0..<3: try await Self.allowingRefusal { try await test.send(path) }
        case 3..<6: try await Self.allowingRefusal { try await test.describe(path) }
        case 6..<13:
            // In its order, as clients push; somebody else may take away what it relies on.
            for needed in Self.closure(of: path, universe) {
                try await Self.allowingRefusal {
                    try await test.send(needed)
                    try await test.describe(needed)
                }
            }
        case 13: _ = try test.depot.useMember(path.hash, in: test.cache)
        case 14:
            do {
                let keep = Pin.Keep.revisions(Int.random(in: 1...2, using: &random))
                let name = "pin-\(Int.random(in: 0..<2, using: &random))"
                _ = try await test.caches.pin(
                    path.hash,
                    as: name,
                    keep: keep,
                    in: test.cache,
                    by: .owner
                )
            } catch CacheError.refused {
                // It is not there.
            }
        case 15:
            do {
                _ = try await test.caches.unpin("pin-0", in: test.cache, by: .owner)
            } catch CacheError.notFound {
                // Nor is the pin.
            }
        case 16, 17:
            let isWhole = Bool.random(using: &random)
            let removal = try await test.caches.remove(
                [path.hash],
                from: test.cache,
                isWhole ? .withReferrers : [],
                by: .owner
            )
            #expect(removal.removed.count <= (isWhole ? universe.count : 1))
        default:
            let quota = UInt64.random(in: 0..<60_000, using: &random)
            _ = try test.depot.update(test.cache) { $0.settings.quotaBytes = quota }
            _ = try await test.caches.collect(isDryRun: false)
            _ = try test.depot.update(test.cache) { $0.settings.quotaBytes = nil }
        }
    }

    /// Steps of Firn's own wire, in an order that may make sense or not.
    private static func push(
        _ paths: [PushedPath],
        to test: PushedCache,
        _ random: inout SeededRandom
    ) async throws {
        let texts = try paths.map { try $0.wireNARInfo() }
        switch Int.random(in: 0..<5, using: &random) {
        case 0: _ = try await test.bundle(paths.map { ($0, try $0.file()) })
        case 1: _ = try await test.commit(texts)
        case 2: _ = try await test.commit(texts.shuffled(using: &random))
        case 3:
            guard let path = paths.last else { return }
            let file = try path.file()
            let state = try await test.caches.begin(
                path.question,
                encoder: "e",
                in: test.cache,
                by: .owner
            )
            guard !state.isComplete else { return }
            let middle = Int.random(in: 1..<file.count, using: &random)
            for part in [file[..<middle], file[middle...]].shuffled(using: &random) {
                try await test.part(part, of: state)
            }
            if Bool.random(using: &random) { _ = try await test.finish(state, file) }
        default:
            _ = try await test.bundle(paths.map { ($0, try $0.file()) })
            _ = try await test.commit(texts)
        }
    }

    /// A NAR or a reference may not have come yet, or have gone; a quota may leave no room.
    private static func allowingRefusal(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch CacheError.refused {
        } catch CacheError.notFound {
            // Somebody else has finished or dropped the upload.
        } catch CacheError.noRoom {}
    }

    /// What a path needs, itself included, dependencies first.
    private static func closure(
        of path: PushedPath,
        _ universe: [PushedPath]
    ) -> [PushedPath] {
        var needed: Set<StorePathHash> = [path.hash]
        for other in universe.reversed() where needed.contains(other.hash) {
            needed.formUnion(other.references.map(\.hash))
        }
        return universe.filter { needed.contains($0.hash) }
    }

    /// Opens what a cut left, which is all the repair there is, and goes on with it.
    private static func verifyAfterCut(
        _ copy: String,
        _ step: DepotStep,
        _ universe: [PushedPath],
        _ keyring: MemoryKeyring,
        _ seed: Int
    ) async throws {
        let note = "seed \(seed), cut at \(step)"
        let test = try PushedCache.open(copy, keyring)
        try test.verify(universe, note)
        _ = try test.depot.check(
            isRepairing: false,
            verify: { try ObjectVerification.holdsItsNAR($0) },
            narSizeBytes: { try ObjectVerification.narSizeBytes(of: $0) },
            onFinding: { #expect(!$0.kind.isDefect, "\(note): \($0)") }
        )
        _ = try await ReferenceCheck(test.depot, tiers: []).run(isRepairing: false) {
            Issue.record("\(note): \($0)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(copy)/unfinished")
        #expect(names.isEmpty, "\(note)")
    }

    @Test func manyAtOnceLeaveWholeClosures() async throws {
        let universe = try Self.universe.get()
        try await withTemporaryDirectory { folder in
            let test = try PushedCache.open(folder.path("depot"), MemoryKeyring())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<6 {
                    group.addTask {
                        var random = SeededRandom(seed: UInt64(worker))
                        for _ in 0..<80 {
                            try await Self.act(on: test, universe, &random)
                            let path = universe[Int.random(in: 0..<14, using: &random)]
                            try Self.requireReferences(of: path, in: test)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try test.verify(universe, "at the end")
            // Let go of everything: nothing is left over.
            for pin in try test.depot.pins(of: test.cache) {
                _ = try await test.caches.unpin(pin.name, in: test.cache, by: .owner)
            }
            _ = try test.depot.update(test.cache) { $0.settings.quotaBytes = 1 }
            _ = try await test.caches.collect(isDryRun: false)
            #expect(try test.depot.usage(of: test.cache).paths == 0)
            #expect(test.depot.usage().objects == 0)
            let objects = try FileManager.default
                .contentsOfDirectory(atPath: folder.path("depot/nar"))
            #expect(objects.isEmpty)
        }
    }

    /// What a reader sees who looks for the references after it has seen the path.
    private static func requireReferences(of path: PushedPath, in test: PushedCache) throws {
        guard try test.depot.memberNARInfo(path.hash, in: test.cache) != nil else { return }
        for reference in path.references {
            let found = try test.depot.memberNARInfo(reference.hash, in: test.cache)
            if found != nil { continue }
            // It may have gone since, with the path, and never before it.
            let isStillThere = try test.depot.memberNARInfo(path.hash, in: test.cache) != nil
            #expect(!isStillThere, "\(path.path) lacks \(reference)")
        }
    }
}

/// Copies of a folder in the middle of random steps.
private final class Cuts: Sendable {
    private struct State {
        var random: SeededRandom
        var copies: [(path: String, step: DepotStep)] = []
    }

    private let folder: String
    private let target: String
    private let state: Mutex<State>

    var copies: [(path: String, step: DepotStep)] { state.withLock { $0.copies } }

    init(of folder: String, into target: String, seed: UInt64) {
        self.folder = folder
        self.target = target
        state = Mutex(State(random: SeededRandom(seed: ~seed)))
    }

    func reached(_ step: DepotStep) {
        state.withLock { state in
            guard Int.random(in: 0..<30, using: &state.random) == 0 else { return }
            let copy = "\(target)/cut-\(state.copies.count)"
            guard (try? FileManager.default.copyItem(atPath: folder, toPath: copy)) != nil else {
                return
            }
            state.copies.append((copy, step))
        }
    }
}
