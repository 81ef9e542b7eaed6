// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import NixStore
import StoreTestSupport
import Testing

@Suite struct StoreTierRealisationTests {
    private let store = MemoryStore()
    private let key: SecretKey
    private let stored: SecretKey
    private let tier: StoreTier
    private let output: StorePath
    private let drv: StorePath
    private let id: DerivationOutputID

    init() throws {
        key = try .generate(name: "ours-1")
        stored = try .generate(name: "builder-1")
        tier = .over(store, keys: [key])
        output = try .named("hello")
        drv = try .named("hello.drv")
        let hex = String(repeating: "ab", count: 32)
        id = try DerivationOutputID(parsing: "sha256:\(hex)!out")
    }

    @Test func aRealisationHasTheStoredSignaturesAndOurs() async throws {
        var kept = Realisation(id: id, outPath: output)
        kept.signatures = [stored.sign(kept.fingerprint)]
        store.change { [kept] in $0.realisations[id] = kept }
        let answer = try #require(try await tier.resolveRealisation(id))
        let sent = try Realisation(parsing: answer.text)
        #expect(sent.id == id)
        #expect(sent.outPath == output)
        #expect(sent.signatures.map(\.keyName) == ["builder-1", "ours-1"])
        for (signature, key) in zip(sent.signatures, [stored, key]) {
            #expect(key.publicKey.verifies(signature, of: sent.fingerprint))
        }
    }

    @Test func aBuildTraceEntryHasTheStoredSignaturesAndOurs() async throws {
        var kept = BuildTraceEntry(derivation: drv, outputName: "out", outPath: output)
        kept.signatures = [stored.sign(kept.fingerprint)]
        store.change { [kept] in $0.buildTrace = [kept] }
        let answer = try #require(try await tier.resolveBuildTrace(drv, output: "out"))
        let sent = try BuildTraceEntry(parsing: answer.text, derivation: drv, outputName: "out")
        #expect(sent.outPath == output)
        #expect(sent.signatures.map(\.keyName) == ["builder-1", "ours-1"])
        for (signature, key) in zip(sent.signatures, [stored, key]) {
            #expect(key.publicKey.verifies(signature, of: sent.fingerprint))
        }
    }

    @Test func whatTheStoreDoesNotKnowIsAbsent() async throws {
        #expect(try await tier.resolveRealisation(id) == nil)
        #expect(try await tier.resolveBuildTrace(drv, output: "out") == nil)
    }

    @Test func aDatabaseThatFailsIsNotAMiss() async throws {
        store.change { $0.databaseFailure = .overloaded }
        await #expect(throws: CacheError.self) { try await tier.resolveRealisation(id) }
        await #expect(throws: CacheError.self) {
            try await tier.resolveBuildTrace(drv, output: "out")
        }
    }
}
