// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import NixStore
import StoreTestSupport
import Synchronization
import Testing

@Suite struct StoreTierListingTests {
    private let store = MemoryStore()
    private let tier: StoreTier
    private let path: StorePath

    init() throws {
        tier = .over(store)
        path = try .named("tree")
        store.add(path, .folder(["a": .file([1, 2, 3], isExecutable: true)]))
    }

    private var lookups: Int { store.fileLookups.load(ordering: .relaxed) }

    @Test func itIsTheDocumentOfABinaryCache() async throws {
        let listing = try #require(try await tier.resolveListing(path.hash))
        let text = String(decoding: listing.text, as: UTF8.self)
        #expect(text.hasPrefix(#"{"root":{"entries":{"a":{"executable":true,"narOffset":"#))
        #expect(text.hasSuffix(#""type":"directory"},"version":1}"#))
    }

    @Test func aPathIsWalkedOnce() async throws {
        let first = try #require(try await tier.resolveListing(path.hash))
        let second = try #require(try await tier.resolveListing(path.hash))
        #expect(first.text == second.text)
        #expect(first.entityTag == second.entityTag)
        #expect(lookups == 1)
    }

    @Test func aPathThatWasRebuiltIsWalkedAgain() async throws {
        let first = try #require(try await tier.resolveListing(path.hash))
        var hasher = SHA256Hasher()
        hasher.update([1])
        store.add(path, .folder(["b": .text("")]), narHash: hasher.finalize())
        let second = try #require(try await tier.resolveListing(path.hash))
        #expect(first.entityTag != second.entityTag)
    }

    @Test func anAbsentPathHasNone() async throws {
        #expect(try await tier.resolveListing(StorePath.named("absent").hash) == nil)
    }

    @Test func aPathThatVanishedIsAbsent() async throws {
        store.change { $0.trees = [:] }
        #expect(try await tier.resolveListing(path.hash) == nil)
    }

    @Test func aDatabaseThatFailsIsNotAMiss() async throws {
        store.change { $0.databaseFailure = .deadlineExceeded }
        await #expect(throws: CacheError.self) { try await tier.resolveListing(path.hash) }
    }

    @Test func aDiskThatFailsIsNotAMiss() async throws {
        store.change { $0.fileFailure = .inputOutput(path: "/x", code: 13) }
        await #expect(throws: CacheError.self) { try await tier.resolveListing(path.hash) }
    }
}
