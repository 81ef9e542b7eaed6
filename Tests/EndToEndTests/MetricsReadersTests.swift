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
    @Test func privateCachesShowToWhoMayKnowOfThem() async throws {
        try await withPushSetup(create: ["--quota", "5GB"]) { setup in
            let caches = setup.administration
            try await caches.firn("cache", "create", "open", "--public").requireSuccess()
            let token = try await caches.token("team", "push,pull")
            let stranger = try await caches.token("other", "push,pull")
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: token)
                try await setup.push(home).requireSuccess()
            }
            let narInfo = "/team/\(setup.top.storeHash).narinfo"
            for _ in 0..<3 { #expect(try await setup.get(narInfo, token).status == 200) }
            let absent = "/team/\(String(repeating: "0", count: 32)).narinfo"
            #expect(try await setup.get(absent, token).status == 404)
            // Whoever may not read it has not asked for it.
            #expect(try await setup.get(narInfo, stranger).status == 404)
            #expect(try await setup.put(narInfo, Array("nonsense".utf8), token).status >= 400)

            let here = [(name: "Host", value: "127.0.0.1:5000")]
            let own = try await setup.server.get("/metrics", fields: here).text
            let count = setup.paths.count
            #expect(own.contains("firn_cache_paths{cache=\"team\"} \(count)\n"))
            #expect(own.contains("firn_cache_quota_bytes{cache=\"team\"} 5000000000\n"))
            #expect(!own.contains("firn_cache_quota_bytes{cache=\"open\"}"))
            let pushes = "firn_cache_pushes_total{cache=\"team\",result="
            #expect(own.contains("\(pushes)\"accepted\"} \(count)\n"))
            #expect(own.contains("\(pushes)\"refused\"} 1\n"))
            let counted = own.matches(
                of: /firn_cache_narinfos_total{cache="team",result="(\w+)"} (\d+)/
            )
            // A client asks for each path before it pushes it.
            let hits = counted.first { $0.1 == "hit" }.flatMap { Int($0.2) } ?? 0
            let misses = counted.first { $0.1 == "miss" }.flatMap { Int($0.2) } ?? 0
            #expect(hits >= 3 && misses > count)

            let far = [(name: "Host", value: "cache.example")]
            for (shown, isSeen) in [(nil, false), (stranger, false), (token, true)] {
                let fields = shown.map { [("Authorization", "Bearer \($0)")] } ?? []
                let page = try await setup.server.get("/metrics", fields: far + fields).text
                #expect(page.contains("firn_cache_paths{cache=\"open\"} 0\n"))
                #expect(page.contains("team") == isSeen)
            }
        }
    }
}
