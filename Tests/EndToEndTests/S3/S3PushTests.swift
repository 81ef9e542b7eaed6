// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// Named caches whose objects lie in a bucket, and a Firn that cannot use its bucket.
@Suite(.fewAtATime, .enabled(if: ObjectStoreStand.whatIsMissing == nil))
struct S3PushTests {
    @Test func aPushedClosureIsReadFromFirnAndFromTheBucketAlone() async throws {
        try await S3Setup.with { s3 in
            try await withPushSetup(change: { s3.change(&$0, prefix: "firn") }) { setup in
                let token = try await setup.administration.token("team", "push,pull")
                try await withClient(.installed) { home in
                    try setup.logIn(&home, with: token)
                    try await setup.push(home).requireSuccess()
                }
                try await withClient(.installed) { home in
                    home.use(cache: setup.url, trusting: setup.publicKey)
                    try setup.logIn(&home, with: token)
                    try await home.run("nix-store", ["--realise", setup.top]).requireSuccess()
                    for path in setup.paths { #expect(home.holds(path)) }
                }
                try await setup.server.kill()
                for client in NixClient.usable {
                    try await withClient(client) { home in
                        home.use(cache: "", trusting: setup.publicKey)
                        let url = "\(s3.bucketURL)/firn/caches/team"
                        let outcome = try await home.run(
                            "nix",
                            ["copy", "--from", url, setup.top]
                        )
                        #expect(outcome.status == 0, "\(client): \(outcome.errors)")
                        for path in setup.paths { #expect(home.holds(path)) }
                    }
                }
            }
        }
    }

    @Test func whatIsWrongWithABucketIsOneLineAndACode() async throws {
        try await S3Setup.with { s3 in
            let good = s3.stand.environment
            func outcome(
                _ location: String,
                _ environment: [String: String],
                _ more: [String] = []
            ) async throws -> CommandOutcome {
                try await withNixStore { store in
                    try await store.initialise()
                    var setup = ServerSetup(storeRoot: store.root)
                    setup.depotLocation = location
                    let state = s3.directory.path("state-\(UInt64.random(in: 0 ... .max))")
                    let text = setup.configuration(state: state)
                    let file = try s3.directory.write(text, to: "firn.toml")
                    return try await Command(
                        FirnServer.programme,
                        ["serve", "--config", file] + more,
                        environment: Command.plainEnvironment.merging(environment) { $1 }
                    ).run(deadline: .seconds(60))
                }
            }
            let place = s3.stand.location(of: s3.bucket)
            let nowhere = try await outcome(s3.stand.location(of: "no-such-bucket"), good)
            #expect(nowhere.status == 2)
            #expect(nowhere.errors.contains("there is no such bucket"))
            var wrong = good
            wrong["AWS_SECRET_ACCESS_KEY"] = "wrong"
            let refused = try await outcome(place, wrong)
            #expect(refused.status == 4)
            #expect(refused.errors.contains("the access key or its secret is wrong"))
            #expect(!refused.errors.contains(ObjectStoreStand.secretKey))
            var reader = good
            reader["AWS_ACCESS_KEY_ID"] = ObjectStoreStand.readerKey
            reader["AWS_SECRET_ACCESS_KEY"] = ObjectStoreStand.readerSecret
            let readOnly = try await outcome(place, reader)
            #expect(readOnly.status == 4)
            #expect(readOnly.errors.contains("no right to write objects"))
            let silent = try ListeningSocket().port
            let unreachable = try await outcome(
                "s3://\(s3.bucket)?endpoint=http://127.0.0.1:\(silent)",
                good
            )
            #expect(unreachable.status == 5)
            #expect(unreachable.errors.contains("not reachable"))
            for outcome in [nowhere, refused, readOnly, unreachable] {
                let line = outcome.errors.split(separator: "\n").last ?? ""
                #expect(line.contains("depot.location"), "\(outcome.errors)")
            }
            let missing = try await outcome(
                place,
                ["FIRN_DEPOT_CREDENTIALS_FILE": s3.directory.path("none")],
                ["--check"]
            )
            #expect(missing.status == 2)
            #expect(missing.errors.contains("cannot be read"))
            let misspelt = try await outcome("s3://\(s3.bucket)?regoin=x", good, ["--check"])
            #expect(misspelt.status == 2)
            #expect(misspelt.errors.contains("unknown parameter \"regoin\""))
        }
    }

    @Test func credentialsComeFromAFileThatIsReadAgain() async throws {
        try await S3Setup.with { s3 in
            let text = """
                [default]
                aws_access_key_id = \(ObjectStoreStand.accessKey)
                aws_secret_access_key = \(ObjectStoreStand.secretKey)
                """
            let file = try s3.directory.write(text, to: "credentials", mode: 0o600)
            try await withPushSetup(change: { setup in
                s3.change(&setup)
                setup.environment["AWS_ACCESS_KEY_ID"] = nil
                setup.environment["AWS_SECRET_ACCESS_KEY"] = nil
                setup.environment["FIRN_DEPOT_CREDENTIALS_FILE"] = file
            }) { setup in
                let token = try await setup.administration.token("team", "push,pull")
                try await withClient(.installed) { home in
                    try setup.logIn(&home, with: token)
                    try await setup.push(home).requireSuccess()
                }
            }
        }
    }
}
