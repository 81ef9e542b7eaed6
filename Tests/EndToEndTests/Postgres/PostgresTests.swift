// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// A Firn whose catalog lies in a real PostgreSQL.
@Suite(.fewAtATime, .enabled(if: PostgresStand.whatIsMissing == nil))
struct PostgresTests {
    @Test(.enabled(if: ObjectStoreStand.whatIsMissing == nil))
    func pathsAndTokensOutliveTheMachine() async throws {
        try await PostgresStand.run { stand in
            let database = try await stand.makeDatabase()
            try await S3Setup.with { s3 in
                let change = { (setup: inout ServerSetup) in
                    s3.change(&setup, prefix: "firn")
                    setup.environment["FIRN_DEPOT_CATALOG"] = stand.url(of: database)
                }
                try await withPushSetup(change: change) { setup in
                    let token = try await setup.administration.token("team", "push,pull")
                    try await withClient(.installed) { home in
                        try setup.logIn(&home, with: token)
                        try await setup.push(home).requireSuccess()
                    }
                    try await setup.server.kill()
                    // The machine is lost with all that is on it but its address.
                    let lost = "\(setup.server.state)/s3"
                    try FileManager.default.removeItem(atPath: lost)
                    try await s3.stand.ask("DELETE", "/\(s3.bucket)/firn/firn-owner")
                        .requireSuccess()
                    let again = try await setup.server.restarted()
                    do {
                        try await withClient(.installed) { home in
                            home.use(cache: "\(again.url)/team", trusting: setup.publicKey)
                            try setup.logIn(&home, with: token)
                            try await home.run("nix-store", ["--realise", setup.top])
                                .requireSuccess()
                            for path in setup.paths { #expect(home.holds(path)) }
                        }
                        try await again.stop()
                    } catch {
                        try? await again.stop()
                        throw error
                    }
                }
            }
        }
    }

    @Test func aDatabaseThatGoesAndComesIsSaidAndGoneOnWith() async throws {
        try await PostgresStand.run { stand in
            let database = try await stand.makeDatabase()
            let change = { (setup: inout ServerSetup) in
                setup.environment["FIRN_DEPOT_CATALOG"] = stand.url(of: database)
            }
            try await withPushSetup(change: change) { setup in
                let token = try await setup.administration.token("team", "push,pull")
                #expect(try await setup.server.get("/readyz").status == 200)
                try await stand.stop()
                let away = try await setup.server.get("/readyz")
                #expect(away.status == 503)
                #expect(String(decoding: away.body, as: UTF8.self).contains("depot: failed"))
                #expect(try await setup.server.get("/healthz").status == 200)
                // What cannot be known is not said to be absent.
                let hash = setup.top.dropFirst("/nix/store/".count).prefix(32)
                #expect(try await setup.get("/team/\(hash).narinfo", token).status == 503)
                try await withClient(.installed) { home in
                    try setup.logIn(&home, with: token)
                    let refused = try await setup.push(home)
                    #expect(refused.status != 0)
                    try await stand.start()
                    try await wait(for: "the database", within: .seconds(60)) {
                        try await setup.server.get("/readyz").status == 200
                    }
                    try await setup.push(home).requireSuccess()
                }
                try await withClient(.installed) { home in
                    home.use(cache: setup.url, trusting: setup.publicKey)
                    try setup.logIn(&home, with: token)
                    try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
                }
                // The folder without its catalog is no other depot.
                try await setup.server.kill()
                let again = try await setup.server.restarted()
                #expect(try await again.get("/readyz").status == 200)
                try await again.stop()
            }
        }
    }

    @Test func whatIsWrongWithTheDatabaseIsOneLineAndACode() async throws {
        try await PostgresStand.run { stand in
            try await withTemporaryDirectory { directory in
                let passwords = try directory.write(
                    PostgresStand.passwordFile("wrong"),
                    to: "passwords",
                    mode: 0o600
                )
                let silent = try ListeningSocket().port
                let cases = [
                    (stand.url(of: "none"), Int32(2), "does not exist; create it"),
                    (stand.tcpURL(of: "x", more: "?passfile=\(passwords)"), 4, "password"),
                    ("postgresql://127.0.0.1:\(silent)/x", 5, "not reachable"),
                    ("postgresql://firn:hidden@127.0.0.1/x", 2, "must not hold a password"),
                    ("postgresql://127.0.0.1/x?slmode=require", 2, "slmode"),
                ]
                for (url, code, words) in cases {
                    let outcome = try await serve(catalog: url, directory)
                    #expect(outcome.status == code, "\(url): \(outcome.errors)")
                    let line = outcome.errors.split(separator: "\n").last ?? ""
                    #expect(line.contains(words) && line.contains("depot.catalog"), "\(line)")
                    #expect(!outcome.errors.contains("hidden"))
                }
                let unseen = try await serve(
                    catalog: "postgresql://127.0.0.1/x?passfile=/nowhere",
                    directory,
                    ["--check"]
                )
                #expect(unseen.status == 2 && unseen.errors.contains("/nowhere"))
                let fine = try await serve(catalog: stand.url(of: "none"), directory, ["--check"])
                #expect(fine.status == 0, "\(fine.errors)")
            }
        }
    }

    private func serve(
        catalog: String,
        _ directory: TemporaryDirectory,
        _ more: [String] = []
    ) async throws -> CommandOutcome {
        try await withNixStore { store in
            try await store.initialise()
            let setup = ServerSetup(storeRoot: store.root)
            let state = directory.path("state-\(UInt64.random(in: 0 ... .max))")
            let file = try directory.write(setup.configuration(state: state), to: "firn.toml")
            let environment = ["FIRN_DEPOT_CATALOG": catalog]
            return try await Command(
                FirnServer.programme,
                ["serve", "--config", file] + more,
                environment: Command.plainEnvironment.merging(environment) { $1 }
            ).run(deadline: .seconds(60))
        }
    }
}
