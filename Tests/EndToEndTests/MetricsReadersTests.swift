// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// Who may read `/metrics`.
@Suite(.fewAtATime)
struct MetricsReadersTests {
    private static let others: [[(name: String, value: String)]] = [
        [("X-Forwarded-For", "192.0.2.1")], [("Forwarded", "for=192.0.2.1")],
        [("Host", "cache.example")],
    ]

    @Test(arguments: [(nil, 200), ("all", 200), ("local", 404)])
    func theSettingDecidesWhatOthersGet(_ setting: String?, _ status: Int) async throws {
        try await withNixStore { store in
            try await store.initialise()
            var setup = ServerSetup(storeRoot: store.root)
            setup.serverLines = setting.map { ["metrics = \"\($0)\""] } ?? []
            try await withServer(setup) { server in
                let own = try await server.get("/metrics", fields: [("Host", "127.0.0.1:5000")])
                #expect(own.status == 200)
                #expect(own.text.contains("firn_http_requests_total"))
                for fields in Self.others {
                    let answer = try await server.get("/metrics", fields: fields)
                    #expect(answer.status == status, "\(fields)")
                    // Nothing else is kept back.
                    #expect(try await server.get("/healthz", fields: fields).status == 200)
                }
            }
        }
    }
}
