// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

extension PushSuites {
    /// `firn use cachix:NAME`.
    @Suite struct UseCachixTests {
        private let source: PushSource

        init() throws { source = try PushSource.prepared() }

        @Test(arguments: NixClient.usable)
        func aPrivateCacheAtCachixIsUsed(_ client: NixClient) async throws {
            var settings = try PushSource.settings()
            settings.isPublic = false
            try await withUseHome(client) { home in
                let before = try home.files()
                try await CachixStandIn.run(settings) { server in
                    try await source.push(to: server, [source.top]).requireSuccess()
                    let use = ["cachix:test", "--host", server.url, "--user", "--yes"]
                    let closed = try await home.firn(use)
                    #expect(closed.status == 4, "\(closed)")
                    let used = try await home.firn(
                        use,
                        token: settings.token,
                        variable: "CACHIX_AUTH_TOKEN"
                    )
                    #expect(used.status == 0, "\(used)")
                    #expect(!used.text.contains(settings.token))
                    #expect(try home.mode(home.netrc) == 0o600)
                    try await home.realise(source.top).requireSuccess()
                    #expect(server.complaints == [])
                }
                // Nobody needs to be asked how to leave.
                let left = ["--remove", "cachix:test", "--user", "--yes"]
                try await home.firn(left).requireSuccess()
                #expect(try home.files() == before)
            }
        }

        @Test func aPublicCacheAtCachixTakesNoToken() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                try await withUseHome { home in
                    let use = ["cachix:test", "--host", server.url, "--user", "--yes"]
                    try await home.firn(use).requireSuccess()
                    #expect(!FileManager.default.fileExists(atPath: home.netrc))
                    let unknown = ["cachix:other", "--host", server.url, "--user", "--yes"]
                    #expect(try await home.firn(unknown).status == 4)
                }
            }
        }
    }
}
