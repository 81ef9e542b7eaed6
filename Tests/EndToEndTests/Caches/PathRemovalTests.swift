// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// `firn cache remove`, as somebody uses it who has pushed what nobody may have.
@Suite(.fewAtATime)
struct PathRemovalTests {
    private func pushed(_ setup: PushSetup) async throws -> String {
        let token = try await setup.administration.token("team", "push,pull")
        try await withClient(.installed) { home in
            try setup.logIn(&home, with: token)
            try await setup.push(home).requireSuccess()
        }
        return token
    }

    private func remove(
        _ setup: PushSetup,
        _ arguments: String...,
        token: String? = nil
    ) async throws -> CommandOutcome {
        let server = token == nil ? [] : ["--server", setup.server.url]
        let all = ["cache", "remove", "team"] + arguments + server
        return try await setup.administration.firn(all, token: token)
    }

    private func visible(_ setup: PushSetup, _ token: String) async throws -> Set<String> {
        var found: Set<String> = []
        for path in setup.paths
        where try await setup.get("/team/\(path.storeHash).narinfo", token).status == 200 {
            found.insert(path)
        }
        return found
    }

    /// All of the closure that needs a path.
    private func referrers(_ setup: PushSetup, of path: String) async throws -> Set<String> {
        var found: Set<String> = []
        for other in setup.paths where try await setup.store.closure(of: [other]).contains(path) {
            found.insert(other)
        }
        return found
    }

    @Test func whatIsReferredToGoesWithItsReferrersOrNotAtAll() async throws {
        try await withPushSetup { setup in
            let token = try await pushed(setup)
            let low = try setup.paths.named("link-3")
            let above = try await referrers(setup, of: low)
            #expect(above.count > 1 && above.count < setup.paths.count)
            #expect(try await visible(setup, token).count == setup.paths.count)
            let nar = try await setup.get("/team/\(low.storeHash).narinfo", token).text
                .firstMatch(of: /URL: (.*)/)?.1
            let object = "/team/\(try #require(nar))"
            #expect(try await setup.get(object, token).status == 200)

            let refused = try await remove(setup, low)
            #expect(refused.status == 4, "\(refused)")
            #expect(refused.text.contains("\(low) is referred to by "))
            #expect(refused.text.contains("--with-referrers"))
            let plan = try await remove(setup, low, "--with-referrers", "--dry-run")
            #expect(plan.status == 0 && plan.text.contains("would remove \(low)"), "\(plan)")
            #expect(try await visible(setup, token).count == setup.paths.count)

            try await setup.administration.firn("pin", "team", "release", setup.top)
                .requireSuccess()
            let pinned = try await remove(setup, low, "--with-referrers", "--json")
            #expect(pinned.status == 4 && pinned.text.contains("\"pins\":[\"release\"]"))
            try await setup.administration.firn("pin", "remove", "team", "release")
                .requireSuccess()
            #expect(try await visible(setup, token).count == setup.paths.count)

            let done = try await remove(setup, low, "--with-referrers", "--json")
            #expect(done.status == 0, "\(done)")
            #expect(done.text.matches(of: /"path":"/).count == above.count)
            #expect(try await setup.get(object, token).status == 404)
            #expect(try await visible(setup, token) == Set(setup.paths).subtracting(above))
            let folder = "\(setup.server.state)/depot/nar"
            let left = try FileManager.default.contentsOfDirectory(atPath: folder).count
            #expect(left == setup.paths.count - above.count)
            let again = try await remove(setup, low)
            #expect(again.status == 1 && again.text.contains("is not in cache team"))

            // What went can come again.
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: token)
                try await setup.push(home).requireSuccess()
            }
            #expect(try await visible(setup, token).count == setup.paths.count)
        }
    }

    @Test func removingTakesATokenThatAllowsIt() async throws {
        try await withPushSetup { setup in
            let pusher = try await pushed(setup)
            let caches = setup.administration
            let remover = try await caches.token("team", "delete")
            let stranger = try await caches.token("other", "delete,admin")
            let denied = try await remove(setup, setup.top, token: pusher)
            #expect(denied.status == 4 && denied.errors.contains("delete"), "\(denied)")
            let unknown = try await remove(setup, setup.top, token: stranger)
            #expect(unknown.status == 1, "\(unknown)")
            #expect(try await visible(setup, pusher).count == setup.paths.count)
            let done = try await remove(setup, setup.top, token: remover)
            #expect(done.status == 0, "\(done)")
            #expect(try await visible(setup, pusher) == Set(setup.paths).subtracting([setup.top]))
        }
    }
}
