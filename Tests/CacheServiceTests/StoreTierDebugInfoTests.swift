// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import NixStore
import StoreTestSupport
import Synchronization
import Testing

@Suite struct StoreTierDebugInfoTests {
    private let store = MemoryStore()
    private let tier: StoreTier
    private let output: StorePath
    private let buildID = "abcdef0123456789abcdef0123456789abcdef01"

    init() throws {
        tier = .over(store)
        output = try .named("hello-debug")
    }

    private func symbols(_ file: MemoryTree = .text("ELF")) -> MemoryTree {
        let name = "\(buildID.dropFirst(2)).debug"
        return .folder([
            "lib": .folder(["debug": .folder([".build-id": .folder(["ab": .folder([name: file])])])]
            )
        ])
    }

    @Test func itNamesTheNARAndTheMember() async throws {
        store.add(try .named("other-debug"), .folder([:]))
        let info = store.add(output, symbols())
        let found = try #require(try await tier.resolveDebugInfo(buildID: buildID))
        #expect(found.archive == "../nar/\(output.hash)-\(info.narHash.digestText(.nix32)).nar")
        #expect(
            found.member
                == "lib/debug/.build-id/ab/cdef0123456789abcdef0123456789abcdef01.debug"
        )
    }

    @Test func whatWasFoundIsNotLookedForAgain() async throws {
        store.add(output, symbols())
        _ = try await tier.resolveDebugInfo(buildID: buildID)
        let lookups = store.fileLookups.load(ordering: .relaxed)
        store.change { _ in }
        #expect(try await tier.resolveDebugInfo(buildID: buildID) != nil)
        #expect(store.fileLookups.load(ordering: .relaxed) == lookups)
    }

    @Test func whatWasNotFoundIsLookedForAgainOnlyAfterAChange() async throws {
        store.add(output, .folder([:]))
        #expect(try await tier.resolveDebugInfo(buildID: buildID) == nil)
        let lookups = store.fileLookups.load(ordering: .relaxed)
        #expect(try await tier.resolveDebugInfo(buildID: buildID) == nil)
        #expect(store.fileLookups.load(ordering: .relaxed) == lookups)
        store.add(output, symbols())
        #expect(try await tier.resolveDebugInfo(buildID: buildID) != nil)
    }

    @Test func aPathThatIsGoneIsForgotten() async throws {
        store.add(output, symbols())
        _ = try await tier.resolveDebugInfo(buildID: buildID)
        store.change { $0.paths = [:] }
        #expect(try await tier.resolveDebugInfo(buildID: buildID) == nil)
        #expect(try await tier.resolveDebugInfo(buildID: buildID) == nil)
    }

    @Test func onlyAFileCounts() async throws {
        store.add(output, symbols(.folder([:])))
        #expect(try await tier.resolveDebugInfo(buildID: buildID) == nil)
    }

    @Test func aDatabaseThatFailsIsNotAMiss() async throws {
        store.change { $0.databaseFailure = .overloaded }
        await #expect(throws: CacheError.self) {
            try await tier.resolveDebugInfo(buildID: buildID)
        }
    }
}
