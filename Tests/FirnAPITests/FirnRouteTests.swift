// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import NixFormat
import Testing

@Suite struct FirnRouteTests {
    private static let hash = "00000000000000000000000000000abc"

    @Test func everyRouteIsReadBackFromItsPath() throws {
        let explain = FirnRoute.explain(try StorePathHash(parsing: Self.hash))
        let identities = [FirnRoute.identity(cache: nil), .identity(cache: "team-1_x")]
        for route in [FirnRoute.status, explain, .collect] + identities {
            #expect(FirnRoute(parsing: route.path) == route)
        }
        #expect(explain.path == "/api/v1/explain/\(Self.hash)")
    }

    @Test(arguments: [
        "", "/", "status", "api/v1/status", "/api", "/api/v1", "/api/v1/", "/api/v2/status",
        "/api/v1/status/", "/api/v1/explain", "/api/v1/explain/", "/api/v1/explain/abc",
        "/api/v1/explain/\(hash)/x", "/api/v1/explain/\(hash).narinfo", "/api/v1/identity/",
        "/api/v1/identity/a%2Fb",
        "/api/v1/identity/a/b", "//api/v1/status",
    ])
    func whateverElseIsNoRoute(_ path: String) {
        #expect(FirnRoute(parsing: path) == nil)
    }
}
