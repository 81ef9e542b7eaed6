// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import FirnTestSupport
import Foundation
import NixFormat
import Testing

@testable import CacheService

/// NARs in parts, and paths in any order.
@Suite struct MultipartTests {
    private func withCache(
        lifetime: Duration = .seconds(3_600),
        quotaBytes: UInt64? = nil,
        _ body: (PushedCache) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let test = try PushedCache.open(
                folder.path("depot"),
                MemoryKeyring(),
                settings: CacheSettings(quotaBytes: quotaBytes),
                lifetime: lifetime
            )
            try await body(test)
            // Nothing of what was let go is counted.
            try await wait(for: "room to be given back") {
                test.depot.usage().pendingSizeBytes == 0
            }
        }
    }

    @Test(arguments: 0..<8)
    func pathsInAnyOrderAreSeenWithTheirClosures(_ seed: Int) async throws {
        var random = SeededRandom(seed: UInt64(seed))
        let universe = try PushedPath.universe(24)
        try await withCache { test in
            var sent: Set<StorePathHash> = []
            for path in universe.shuffled(using: &random) {
                let upload = try await test.upload(path, chunkBytes: 700, using: &random)
                try await test.complete(upload, path)
                sent.insert(path.hash)
                let visible = try test.verify(universe, "seed \(seed)")
                for path in universe {
                    let isComplete = path.closure(in: universe).isSubset(of: sent)
                    #expect(visible.contains(path.hash) == isComplete, "\(path.path)")
                }
                // The sender need not send again what waits.
                let missing = try await test.caches.findMissing(
                    universe.map(\.hash),
                    in: test.cache,
                    for: .owner
                )
                #expect(Set(missing) == Set(universe.map(\.hash)).subtracting(sent))
            }
        }
    }

    @Test func manyAtOnceInAnyOrder() async throws {
        let universe = try PushedPath.universe(60)
        try await withCache { test in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, path) in universe.reversed().enumerated() {
                    group.addTask {
                        var random = SeededRandom(seed: UInt64(number))
                        let upload = try await test.upload(path, chunkBytes: 900, using: &random)
                        try await test.complete(upload, path)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try test.verify(universe, "all").count == universe.count)
        }
    }

    /// What is brought in another way lets go of what waits as well.
    @Test func aPathWaitsForWhoeverBringsWhatItNeeds() async throws {
        let universe = try PushedPath.universe(2)
        var random = SeededRandom(seed: 1)
        try await withCache { test in
            let upload = try await test.upload(universe[1], chunkBytes: 9_000, using: &random)
            try await test.complete(upload, universe[1])
            #expect(try test.verify(universe, "before").isEmpty)
            try await test.send(universe[0])
            try await test.describe(universe[0])
            #expect(try test.verify(universe, "after").count == 2)
        }
    }

    @Test func whatWaitsTooLongIsLetGo() async throws {
        let universe = try PushedPath.universe(2)
        var random = SeededRandom(seed: 1)
        try await withCache(lifetime: .seconds(4)) { test in
            let upload = try await test.upload(universe[1], chunkBytes: 9_000, using: &random)
            try await test.complete(upload, universe[1])
            let begun = try await test.upload(universe[0], chunkBytes: 9_000, using: &random)
            try await Task.sleep(for: .milliseconds(4_100))
            await test.caches.dropOverdueUploads()
            await test.caches.settleWaiting()
            await #expect(throws: CacheError.self) { try await test.complete(begun, universe[0]) }
            let missing = try await test.caches.findMissing(
                universe.map(\.hash),
                in: test.cache,
                for: .owner
            )
            #expect(missing.count == 2)
            #expect(test.caches.waiting.isEmpty)
        }
    }

    @Test func aPartThatWasUnpackedStaysAsItWas() async throws {
        let large = try PushedPath.single(sizeBytes: 9 << 20)
        var random = SeededRandom(seed: 1)
        try await withCache { test in
            let upload = try await test.upload(large, chunkBytes: 3 << 20, using: &random)
            // It is worth unpacking, and so may have begun.
            let first = Array(large.nar.prefix(3 << 20))
            try await test.send(first, 1, of: upload)
            try await wait(for: "the last part to be unpacked") {
                await test.caches.multipart.find(upload.id)?.hasUnpackedAll == true
            }
            await #expect(throws: CacheError.self) { try await test.send([1], 1, of: upload) }
            try await test.complete(upload, large)
            #expect(try test.depot.memberNARInfo(large.hash, in: test.cache) != nil)
        }
    }

    /// A NAR that just fits is not refused because its parts are counted beside it.
    @Test func aNARTakesItsRoomOnce() async throws {
        let large = try PushedPath.single(sizeBytes: 5 << 20)
        var random = SeededRandom(seed: 1)
        try await withCache(quotaBytes: 6 << 20) { test in
            let upload = try await test.upload(large, chunkBytes: 1 << 20, using: &random)
            try await test.complete(upload, large)
            #expect(try test.depot.memberNARInfo(large.hash, in: test.cache) != nil)
        }
    }

    @Test func whatWasCompletedWronglyAndAbortedLeavesNothing() async throws {
        let universe = try PushedPath.universe(1)
        var random = SeededRandom(seed: 1)
        try await withCache { test in
            let upload = try await test.upload(universe[0], chunkBytes: 500, using: &random)
            var wrong = universe[0].facts
            wrong.narSizeBytes += 1
            for _ in 0..<2 {
                await #expect(throws: CacheError.self) {
                    try await test.caches.completeUpload(
                        upload,
                        nil,
                        wrong,
                        in: test.cache,
                        by: .owner
                    )
                }
            }
            try await test.caches.abortUpload(upload, in: test.cache, by: .owner)
        }
    }

    @Test func anAbortedUploadLeavesNothing() async throws {
        let large = try PushedPath.single(sizeBytes: 9 << 20)
        var random = SeededRandom(seed: 1)
        try await withCache { test in
            let upload = try await test.upload(large, chunkBytes: 1 << 20, using: &random)
            #expect(test.depot.usage().pendingSizeBytes > 0)
            try await test.caches.abortUpload(upload, in: test.cache, by: .owner)
            await #expect(throws: CacheError.self) { try await test.send([1], 1, of: upload) }
            await #expect(throws: CacheError.self) { try await test.complete(upload, large) }
        }
    }
}

extension PushedPath {
    /// One that refers to nothing and does not compress.
    fileprivate static func single(sizeBytes: Int) throws -> PushedPath {
        var random = SeededRandom(seed: 9)
        let hash = try StorePathHash(bytes: (0..<20).map { UInt8($0) })
        let nar = (0..<sizeBytes / 8).flatMap { _ in
            let word: UInt64 = random.next()
            return (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
        }
        return PushedPath(path: try StorePath(hash: hash, name: "large"), nar: nar, references: [])
    }

    /// All that it needs, itself included.
    fileprivate func closure(in universe: [PushedPath]) -> Set<StorePathHash> {
        var closure: Set<StorePathHash> = [hash]
        for path in universe.reversed() where closure.contains(path.hash) {
            closure.formUnion(path.references.map(\.hash))
        }
        return closure
    }

    fileprivate var facts: NARInfo {
        NARInfo(
            storePath: path,
            url: "nar/",
            compression: .none,
            fileHash: narHash,
            fileSizeBytes: UInt64(nar.count),
            narHash: narHash,
            narSizeBytes: UInt64(nar.count),
            references: references
        )
    }
}

extension PushedCache {
    /// Sends all parts of a path, in any order.
    fileprivate func upload(
        _ path: PushedPath,
        chunkBytes: Int,
        using random: inout SeededRandom
    ) async throws -> UploadTicket {
        let upload = try await caches.beginUpload(packedWith: .none, into: cache, by: .owner)
        let starts = Array(stride(from: 0, to: path.nar.count, by: chunkBytes))
        for (index, start) in starts.enumerated().shuffled(using: &random) {
            let part = path.nar[start..<min(path.nar.count, start + chunkBytes)]
            try await send(Array(part), index + 1, of: upload)
        }
        return upload
    }

    fileprivate func send(_ part: [UInt8], _ number: Int, of upload: UploadTicket) async throws {
        let place = try #require(PartPlace(number: number, md5: MD5Digest.digest(of: part)))
        let key = try await caches.announce(place, of: upload, in: cache, by: .owner)
        let sink = try await caches.acceptPart(
            place,
            with: key,
            of: upload.id,
            in: cache,
            lengthBytes: UInt64(part.count)
        )
        try await sink.write(part)
        try await sink.finish()
    }

    fileprivate func complete(_ upload: UploadTicket, _ path: PushedPath) async throws {
        try await caches.completeUpload(upload, nil, path.facts, in: cache, by: .owner)
    }
}
