// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import GRDB
import Testing

/// What goes from a cache, and what stays.
@Suite(.fewAtATime)
struct CollectionTests {
    /// As if nobody had used anything for years.
    private func letYearsPass(_ setup: PushSetup) async throws {
        // Writes down what was noted so far, which would be newer.
        try await setup.administration.firn("gc", "--dry-run").requireSuccess()
        let path = "\(setup.server.state)/depot/catalog.sqlite"
        let database = try DatabaseQueue(path: path)
        try await database.write { try $0.execute(sql: "UPDATE member SET used_at = 1") }
    }

    private func pushed(_ setup: PushSetup) async throws -> String {
        let token = try await setup.administration.token("team", "push,pull")
        try await withClient(.installed) { home in
            try setup.logIn(&home, with: token)
            try await setup.push(home).requireSuccess()
        }
        return token
    }

    private func visible(_ setup: PushSetup, _ token: String) async throws -> Set<String> {
        var found: Set<String> = []
        for path in setup.paths
        where try await setup.get("/team/\(path.storeHash).narinfo", token).status == 200 {
            found.insert(path)
        }
        return found
    }

    private func objects(_ setup: PushSetup) throws -> Int {
        let folder = "\(setup.server.state)/depot/nar"
        return try FileManager.default.contentsOfDirectory(atPath: folder).count
    }

    @Test func retentionTakesWhatNobodyUsesAndNoPinNeeds() async throws {
        try await withPushSetup(create: ["--retention", "90d"]) { setup in
            let token = try await pushed(setup)
            try await setup.administration.firn("gc").requireSuccess()
            #expect(try await visible(setup, token).count == setup.paths.count)

            let kept = try setup.paths.named("link-7")
            let needed = Set(try await setup.store.closure(of: [kept]))
            let pin = try await setup.administration.firn("pin", "team", "release", kept)
            #expect(pin.status == 0, "\(pin)")
            try await letYearsPass(setup)
            let plan = try await setup.administration.firn("gc", "--dry-run")
            #expect(plan.text.contains("would leave cache team"))
            #expect(try objects(setup) == setup.paths.count)
            let done = try await setup.administration.firn("gc")
            #expect(done.status == 0 && done.text.contains("left cache team"), "\(done)")
            #expect(try await visible(setup, token) == needed)
            #expect(try objects(setup) == needed.count)

            try await withClient(.installed) { home in
                home.use(cache: setup.url, trusting: setup.publicKey)
                try setup.logIn(&home, with: token)
                try await home.run("nix-store", ["--realise", kept]).requireSuccess()
            }
            try await setup.administration.firn("pin", "remove", "team", "release")
                .requireSuccess()
            try await letYearsPass(setup)
            try await setup.administration.firn("gc").requireSuccess()
            #expect(try await visible(setup, token).isEmpty)
            #expect(try objects(setup) == 0)
            // What went can come again.
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: token)
                try await setup.push(home).requireSuccess()
            }
            #expect(try await visible(setup, token).count == setup.paths.count)
        }
    }

    @Test func withoutADaemonCachesAreCollectedAndCheckedToo() async throws {
        try await withPushSetup(create: ["--retention", "90d"]) { setup in
            _ = try await pushed(setup)
            let kept = try setup.paths.named("link-3")
            let needed = Set(try await setup.store.closure(of: [kept]))
            try await setup.administration.firn("pin", "team", "release", kept).requireSuccess()
            try await letYearsPass(setup)
            setup.server.process.send(signal: SIGTERM)
            _ = try await setup.server.process.exitStatus(within: .seconds(30))
            let plan = try await setup.administration.firn("gc", "--dry-run")
            #expect(plan.status == 0 && plan.text.contains("would leave cache team"), "\(plan)")
            #expect(try objects(setup) == setup.paths.count)
            let done = try await setup.administration.firn("gc", "--json")
            #expect(done.status == 0, "\(done)")
            let gone = done.text.matches(of: /"cache":"team"/).count
            #expect(gone == setup.paths.count - needed.count)
            #expect(try objects(setup) == needed.count)
            let clean = try await setup.administration.firn("fsck")
            #expect(clean.status == 0, "\(clean)")

            // What others refer to is taken away: the pinned path is not whole any more.
            let lost = try #require(needed.first { $0 != kept })
            let folder = "\(setup.server.state)/depot/caches/team"
            try FileManager.default.removeItem(atPath: "\(folder)/\(lost.storeHash).narinfo")
            let found = try await setup.administration.firn("fsck")
            #expect(found.status == 1 && found.text.contains("not on the disk"), "\(found)")
            let mended = try await setup.administration.firn("fsck", "--repair")
            #expect(
                mended.status == 0 && mended.text.contains("\(lost.storeBaseName)"),
                "\(mended)"
            )
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/\(kept.storeHash).narinfo"))
            #expect(try await setup.administration.firn("fsck").status == 0)
        }
    }

    @Test func aQuotaMakesRoomForAPushByWhatWasNotUsedForLongest() async throws {
        try await withPushSetup { setup in
            let token = try await pushed(setup)
            let large = try setup.paths.named("large")
            try await letYearsPass(setup)
            let info = try await setup.administration.info("team")
            let size = try #require(info.firstMatch(of: /"size-bytes":(\d+)/)?.1)
            try await setup.administration.firn(
                "cache",
                "configure",
                "team",
                "--quota",
                "\(size)B"
            ).requireSuccess()
            // Everything that is there is old: it goes, as far as it has to, for something new.
            let other = try await setup.store.buildSmall(SampleClosure.another)
            let newest = try other.named("large").storeHash
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: token)
                let pushed = try await setup.push(home, try other.named("large"))
                #expect(pushed.status == 0, "\(pushed.errors)")
            }
            let after = try await setup.administration.info("team")
            let now = try #require(after.firstMatch(of: /"size-bytes":(\d+)/)?.1)
            #expect(try #require(Int(now)) <= #require(Int(size)))
            #expect(try await !visible(setup, token).contains(setup.top))
            // What is new does not go for what is newer.
            try await setup.administration.firn(
                "cache",
                "configure",
                "team",
                "--quota",
                "\(now)B"
            ).requireSuccess()
            try await withClient(.installed) { home in
                try setup.logIn(&home, with: token)
                let refused = try await setup.push(home, try other.named("many"))
                #expect(refused.status == 0)
                let beyond = try await setup.push(home, large)
                #expect(beyond.status != 0 && beyond.errors.contains("507"), "\(beyond.errors)")
            }
            #expect(try await setup.get("/team/\(newest).narinfo", token).status == 200)
        }
    }

    @Test func pinsKeepTheirRevisionsThroughALostCatalog() async throws {
        try await withPushSetup { setup in
            let token = try await pushed(setup)
            for number in 1...4 {
                let path = try setup.paths.named("link-\(number)")
                let pin = ["pin", "team", "release", path, "--keep-revisions", "2"]
                let made = try await setup.administration.firn(pin)
                #expect(made.status == 0, "\(made)")
            }
            let list = try await setup.administration.firn("pin", "list", "team").text
            #expect(list.contains("-link-4") && list.contains("-link-3"))
            #expect(!list.contains("-link-2"))
            let absent = String(repeating: "0", count: 32)
            let refused = try await setup.administration.firn("pin", "team", "x", absent)
            #expect(refused.status == 1 && refused.errors.contains("push it first"))
            let elsewhere = ["pin", "list", "team", "--server", setup.server.url]
            #expect(try await setup.administration.firn(elsewhere, token: token).status == 0)
            let stranger = try await setup.administration.token("other", "push,pull")
            #expect(try await setup.administration.firn(elsewhere, token: stranger).status == 1)
            let text = try String(
                contentsOfFile: "\(setup.server.state)/depot/caches/team/pins.json",
                encoding: .utf8
            )
            #expect(text.contains("-link-4") || text.contains("link-4"))
        }
    }
}

extension SampleClosure {
    /// Other paths of about the same size.
    fileprivate static var another: SampleClosure {
        var closure = SampleClosure.small
        closure.largeBytes = 390_000
        return closure
    }
}
