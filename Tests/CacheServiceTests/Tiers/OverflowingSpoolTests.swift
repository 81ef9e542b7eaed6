// SPDX-License-Identifier: Apache-2.0
import StoreTestSupport
import Synchronization
import Testing

@testable import CacheService

@Suite struct OverflowingSpoolTests {
    private final class SmallFile: SpoolFile {
        struct Full: Error {}
        let keepsAll = true
        private let bytes = Mutex<[UInt8]>([])

        func append(_ more: UnsafeRawBufferPointer) throws {
            try bytes.withLock { bytes in
                guard bytes.count + more.count <= 1000 else { throw Full() }
                unsafe bytes.append(contentsOf: more)
            }
        }

        func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            bytes.withLock { bytes in
                let rest = bytes[Int(offset)...].prefix(buffer.count)
                unsafe rest.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
                return rest.count
            }
        }

        func part(_ range: Range<UInt64>) -> ReadyPart {
            .bytes(
                bytes.withLock { $0[Int(range.lowerBound)..<Int(range.upperBound)] },
                end: range.upperBound
            )
        }

        func discard(before offset: UInt64) {}
    }

    private let all = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func filled(_ budget: SpoolMemory) throws -> OverflowingSpool {
        let spool = OverflowingSpool(SmallFile(), within: budget) { _ in }
        for start in stride(from: 0, to: all.count, by: 300) {
            try unsafe all[start..<min(start + 300, all.count)].withUnsafeBytes {
                try unsafe spool.append($0)
            }
        }
        return spool
    }

    @Test func whatTheFileDoesNotTakeIsReadFromMemory() throws {
        let spool = try filled(SpoolMemory(bytes: 8 << 20))
        #expect(!spool.keepsAll)
        for range: Range<UInt64> in [0..<900, 800..<1000, 899..<901, 900..<5000, 4999..<5000] {
            guard case .bytes(let bytes, _) = spool.part(range) else {
                Issue.record("not bytes")
                continue
            }
            #expect(Array(bytes) == Array(all[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
    }

    @Test func aWindowHasItsMemoryFromTheStart() throws {
        let budget = SpoolMemory(bytes: OverflowingSpool.memoryBytes)
        var first = OverflowingSpool(memoryWithin: budget)
        #expect(first != nil)
        #expect(OverflowingSpool(memoryWithin: budget) == nil)
        first = nil
        let again = try #require(OverflowingSpool(memoryWithin: budget))
        try unsafe all.withUnsafeBytes { try unsafe again.append($0) }
        guard case .bytes(let bytes, _) = again.part(0..<5000) else {
            Issue.record("not bytes")
            return
        }
        #expect(Array(bytes) == all)
    }

    @Test func whereNothingCanBeHeldANARIsPassedOnAllTheSame() async throws {
        let path = try ScriptedPath("a", [UInt8](repeating: 5, count: 900_000))
        let tier = RemoteTier(ScriptedCache("one", [path]), .init()) { _ in false }
        let cache = TieredCache.over(.over(MemoryStore()), tiers: [tier])
        let taken = SpoolMemory.Lease(48 << 20, within: cache.overflowMemory)
        #expect(taken != nil)
        cache.spoolFailed(SmallFile.Full())
        #expect(try await cache.read(#require(path.request)) == path.file)
        withExtendedLifetime(taken) {}
    }

    @Test func whatEverybodyHasReadIsGivenBack() throws {
        let spool = try filled(SpoolMemory(bytes: 8 << 20))
        spool.discard(before: 3000)
        var byte: [UInt8] = [0]
        #expect(throws: MemorySpool.OutOfBounds.self) {
            try unsafe byte.withUnsafeMutableBytes { try unsafe spool.read(at: 1200, into: $0) }
        }
        let count = try unsafe byte.withUnsafeMutableBytes {
            try unsafe spool.read(at: 3000, into: $0)
        }
        #expect(count == 1 && byte[0] == all[3000])
    }

    @Test func withoutMemoryTheFailureIsTold() {
        #expect(throws: SmallFile.Full.self) {
            try filled(SpoolMemory(bytes: 0))
        }
    }
}
