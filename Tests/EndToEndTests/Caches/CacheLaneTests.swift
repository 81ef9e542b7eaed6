// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What is answered from memory, and that memory never answers what is not so any more.
@Suite(.fewAtATime)
struct CacheLaneTests {
    private func pushed(_ setup: PushSetup) async throws -> (token: String, nar: String) {
        let token = try await setup.administration.token("team", "push,pull,delete,admin")
        try await withClient(.installed) { home in
            try setup.logIn(&home, with: token)
            try await setup.push(home).requireSuccess()
        }
        // Twice: from then on it is in memory.
        let narInfo = "/team/\(setup.top.storeHash).narinfo"
        let text = try await setup.get(narInfo, token).text
        let nar = "/team/\(try #require(text.firstMatch(of: /URL: (.*)/)?.1))"
        for target in [narInfo, nar] {
            #expect(try await setup.get(target, token).status == 200)
            #expect(try await setup.get(target, token).status == 200)
        }
        return (token, nar)
    }

    @Test func theLaneAnswersAsTheFrameworkDoes() async throws {
        try await withPushSetup { setup in
            let (token, nar) = try await pushed(setup)
            let narInfo = "/team/\(setup.top.storeHash).narinfo"
            let basic = Data("anybody:\(token)".utf8).base64EncodedString()
            for target in [narInfo, nar] {
                for value in ["Bearer \(token)", "Basic \(basic)", "Bearer firn_x", ""] {
                    for range in [nil, "bytes=3-9"] {
                        var fields = value.isEmpty ? [] : [(name: "Authorization", value: value)]
                        if let range { fields.append((name: "Range", value: range)) }
                        let lane = try await setup.server.get(target, fields: fields)
                        // The framework gets what the lane does not know.
                        fields.append((name: "Expect", value: "x"))
                        let slow = try await setup.server.get(target, fields: fields)
                        #expect(lane.status == slow.status)
                        #expect(lane.body == slow.body)
                        let names = ["Cache-Control", "ETag", "Content-Type", "Content-Range"]
                        for name in names { #expect(lane[name] == slow[name]) }
                        #expect(lane["X-Firn-Tier"] == slow["X-Firn-Tier"])
                        let isToken = value.contains(token) || value.contains(basic)
                        let good = range == nil ? 200 : 206
                        #expect(lane.status == (isToken ? good : 404), "\(target) \(value)")
                    }
                }
            }
        }
    }

    @Test func aRevokedTokenIsNobodyWithTheNextRequest() async throws {
        try await withPushSetup { setup in
            let (token, nar) = try await pushed(setup)
            let narInfo = "/team/\(setup.top.storeHash).narinfo"
            let list = try await setup.administration.firn("token", "list").text
            let id = try #require(list.firstMatch(of: /[0-9a-z]{10}/)?.0)
            try await setup.administration.firn("token", "revoke", String(id)).requireSuccess()
            for target in [narInfo, nar] {
                #expect(try await setup.get(target, token).status == 404)
            }
        }
    }

    @Test func aCacheIsOpenedAndClosedWithTheNextRequest() async throws {
        try await withPushSetup { setup in
            let (_, nar) = try await pushed(setup)
            let narInfo = "/team/\(setup.top.storeHash).narinfo"
            for isOpen in [true, false, true] {
                let word = isOpen ? "--public" : "--private"
                try await setup.administration.firn("cache", "configure", "team", word)
                    .requireSuccess()
                for target in [narInfo, nar] {
                    for _ in 0..<3 {
                        let status = try await setup.get(target).status
                        #expect(status == (isOpen ? 200 : 404))
                    }
                }
            }
        }
    }

    @Test func whatIsDeletedIsGoneWithTheNextRequest() async throws {
        try await withPushSetup { setup in
            let (token, nar) = try await pushed(setup)
            let narInfo = "/team/\(setup.top.storeHash).narinfo"
            try await setup.administration.firn("cache", "delete", "team", "--yes", "team")
                .requireSuccess()
            try await setup.administration.firn("cache", "create", "team").requireSuccess()
            for target in [narInfo, nar] {
                #expect(try await setup.get(target, token).status == 404)
            }
            #expect(try await setup.get("/team/nix-cache-info", token).status == 200)
        }
    }
}
