// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension ServedClosureTests {
    /// A transfer that broke off costs what is left of it, not what was already sent.
    @Suite struct ResumeTests {
        private let served: ServedClosure

        init() throws {
            served = try ServedClosureTests.served()
        }

        @Test(arguments: NixClient.usable, WireForm.allCases)
        func aDownloadCutInTheMiddleIsResumed(
            _ client: NixClient,
            _ form: WireForm
        ) async throws {
            let large = try served.path("large")
            let server = served.server(form)
            let sizeBytes = try #require(
                try await server.narInfo(of: large)["FileSize"]
                    .flatMap { Int($0) }
            )
            try await CuttingProxy.run(to: server.port, cutAfterBytes: sizeBytes / 2) { proxy in
                try await withClient(client) { home in
                    let url = "http://127.0.0.1:\(proxy.port)"
                    home.use(cache: url, trusting: served.key.publicKey)
                    try await home.run("nix-store", ["--realise", large]).requireSuccess()
                }
                let account = proxy.account
                let requests = String(decoding: account.requests, as: UTF8.self).lowercased()
                #expect(account.hasCut)
                #expect(requests.contains("\r\nrange: bytes="))
                #expect(account.deliveredBytes <= sizeBytes + sizeBytes / 100)
            }
        }
    }
}
