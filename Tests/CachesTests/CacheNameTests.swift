// SPDX-License-Identifier: Apache-2.0
import Caches
import Testing

@Suite struct CacheNameTests {
    @Test(arguments: ["a", "team", "team-2", "a_b", "0day", String(repeating: "x", count: 50)])
    func plainNamesAreTaken(_ text: String) throws {
        #expect(try "\(CacheName(parsing: text))" == text)
    }

    @Test(arguments: [
        "", "Team", "-a", "_a", "a b", "a/b", "..", "a.b", "é", "a*", "a%20", "a\n",
        String(repeating: "x", count: 51),
    ])
    func othersAreRefused(_ text: String) {
        #expect(throws: CacheName.ParseError.self) { try CacheName(parsing: text) }
    }

    @Test(arguments: CacheName.reserved)
    func namesOfRoutesAreReserved(_ text: String) {
        #expect(throws: CacheName.ParseError.reserved) { try CacheName(parsing: text) }
    }
}
