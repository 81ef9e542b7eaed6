// SPDX-License-Identifier: Apache-2.0
import CacheServer
import HTTPTypes
import NixStore
import StoreTestSupport
import Testing

@Suite struct HealthRoutesTests {
    private let sample: SampleCache

    init() throws {
        sample = try SampleCache()
    }

    @Test func readyHasALineForEachCheck() async throws {
        let answer = await sample.get("/readyz")
        #expect(answer.status == .ok)
        #expect(answer.text == "database: ok\nstore directory: ok\nsigning keys: ok\n")
        #expect(answer.headers[.cacheControl] == "no-store")
    }

    @Test func whatFailsIsNamedWithoutItsPlace() async throws {
        sample.store.change { contents in
            contents.fileFailure = .storeUnavailable(path: "/secret/store", reason: "denied")
        }
        let answer = await sample.get("/readyz")
        #expect(answer.status == .serviceUnavailable)
        #expect(answer.text == "database: ok\nstore directory: failed\nsigning keys: ok\n")
    }

    @Test func aliveAsksNobody() async throws {
        sample.store.change { contents in
            contents.fileFailure = .overloaded
            contents.databaseFailure = .overloaded
        }
        let answer = await sample.get("/healthz")
        #expect(answer.status == .ok)
        #expect(answer.text == "ok\n")
    }
}
