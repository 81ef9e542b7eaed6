// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import StoreTestSupport
import Synchronization
import Testing
import Upstream

@testable import CacheService

/// Transfers as they are sent without a buffer: the parts where they lie.
@Suite struct TransferPartsTests {
    private func open(
        _ path: ScriptedPath,
        _ scripted: ScriptedCache,
        range: Range<UInt64>? = nil
    ) async throws -> any PartSource {
        let tier = RemoteTier(scripted, .init()) { _ in false }
        let cache = TieredCache.over(.over(MemoryStore()), tiers: [tier])
        _ = try await cache.resolveNARInfo(path.narInfo.storePath.hash)
        // What a tier said to have needs nobody to be asked again.
        let request = try #require(path.request)
        let answer = try #require(cache.knownNAR(request))
        guard case .source(_, let open) = answer.content else { throw NotParts() }
        return try #require(try open(range) as? any PartSource)
    }

    private struct NotParts: Error {}

    /// What a reader of the parts gets, and whether any of them was a file.
    private func read(
        _ source: any PartSource,
        count: Int
    ) async throws -> (bytes: [UInt8], hasFiles: Bool) {
        var all: [UInt8] = []
        var hasFiles = false
        while all.count < count {
            let flight = Flight<Bool>()
            switch try source.nextPart(upTo: 100_000, orWake: { flight.land(true) }) {
            case .none:
                _ = await flight.wait()
            case .bytes(let bytes, let end):
                all += bytes
                source.sent(upTo: end)
            case .file(let file, let range):
                hasFiles = true
                let handle = FileHandle(fileDescriptor: file.descriptor, closeOnDealloc: false)
                try handle.seek(toOffset: range.lowerBound)
                all += try handle.read(upToCount: range.count) ?? Data()
                source.sent(upTo: range.upperBound)
            }
        }
        return (all, hasFiles)
    }

    @Test(arguments: [1, 70_000, 256 << 10, (256 << 10) + 1, 900_001])
    func thePartsAreTheFile(_ count: Int) async throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let path = try ScriptedPath("a", bytes)
        let source = try await open(path, ScriptedCache("one", [path]))
        let read = try await read(source, count: count)
        #expect(read.bytes == bytes)
        // A file for what is small would take longer than fetching it.
        #expect(read.hasFiles == (count > 256 << 10))
    }

    @Test func aRangeIsThatRange() async throws {
        let bytes = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let path = try ScriptedPath("a", bytes)
        let source = try await open(path, ScriptedCache("one", [path]), range: 0..<300_000)
        #expect(try await read(source, count: 300_000).bytes == Array(bytes[..<300_000]))
    }

    @Test func wrongBytesAreNeverWhole() async throws {
        for count in [70_000, 900_000] {
            var path = try ScriptedPath("a", [UInt8](repeating: 7, count: count))
            path.file[count - 1] ^= 1
            let source = try await open(path, ScriptedCache("one", [path]))
            await #expect(throws: CacheError.self) { try await read(source, count: count) }
        }
    }

    @Test func memoryForSmallFilesIsBounded() throws {
        let budget = SpoolMemory(bytes: 100)
        var first = MemorySpool(60, within: budget)
        #expect(first != nil)
        #expect(MemorySpool(60, within: budget) == nil)
        let second = try #require(MemorySpool(40, within: budget))
        first = nil
        #expect(MemorySpool(60, within: budget) != nil)
        let bytes = [UInt8](repeating: 1, count: 41)
        #expect(throws: MemorySpool.OutOfBounds.self) {
            try unsafe bytes.withUnsafeBytes { try unsafe second.append($0) }
        }
    }
}
