// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import NixStore
import StoreTestSupport
import Testing

@Suite struct StoreTierHealthTests {
    private let store = MemoryStore()

    private func failing(keys: Int = 1) async throws -> [String] {
        let keys = try (0..<keys).map { try SecretKey.generate(name: "k-\($0)") }
        return await StoreTier.over(store, keys: keys).checkHealth().filter { !$0.isPassing }
            .map(\.name)
    }

    @Test func allIsWellWhenEverythingAnswers() async throws {
        #expect(try await failing() == [])
    }

    @Test func aDatabaseThatFailsIsNamedAlone() async throws {
        store.change { $0.databaseFailure = .databaseUnavailable(path: "/x", reason: "locked") }
        #expect(try await failing() == ["database"])
    }

    @Test func aStoreThatCannotBeReadIsNamedAlone() async throws {
        store.change { $0.fileFailure = .storeUnavailable(path: "/x", reason: "denied") }
        #expect(try await failing() == ["store directory"])
    }

    @Test func withoutAKeyNothingCanBeSigned() async throws {
        #expect(try await failing(keys: 0) == ["signing keys"])
    }
}
