// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What is pushed and is not true, not allowed or too much.
@Suite(.fewAtATime)
struct PushRefusalTests {
    private func leaf(_ setup: PushSetup) throws -> String {
        try #require(setup.paths.first { $0.hasSuffix("-link-0") })
    }

    @Test func aNARHasToBeWhatItsNameSays() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            let sample = try await SentSample(setup, leaf(setup))
            var damaged = sample.nar
            damaged[100] ^= 1
            let refused = try await setup.put(sample.target, damaged, token)
            #expect(refused.status == 422 && refused.text.contains("is not what its name says"))
            let packed = sample.target.replacing(".nar", with: ".nar.xz")
            #expect(try await setup.put(packed, sample.nar, token).status == 422)
            let other = try await setup.put("\(sample.target).br", sample.nar, token)
            #expect(other.status == 400 && other.text.contains("use zstd"))
            // Nothing was kept of any of it.
            let narInfo = try await setup.put(
                sample.narInfoTarget,
                Array(sample.narInfo.utf8),
                token
            )
            #expect(narInfo.status == 422 && narInfo.text.contains("was not sent"))
            #expect(try await setup.get(sample.narInfoTarget, token).status == 404)
        }
    }

    @Test func aNARInfoHasToBeTrueOfTheNAR() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            let sample = try await SentSample(setup, leaf(setup))
            #expect(try await setup.put(sample.target, sample.nar, token).status == 201)
            let zeros = "sha256:\(String(repeating: "0", count: 52))"
            let changes: [(String, String, String)] = [
                ("(NarHash): .*", "$1: \(zeros)", "NarHash"),
                ("(NarSize): .*", "$1: 17", "NarSize"),
                ("(FileSize): .*", "$1: 17", "FileSize"),
                ("(FileHash): .*", "$1: \(zeros)", "FileHash"),
                ("(Compression): .*", "$1: xz", "Compression"),
                ("(StorePath: /nix/store/).", "$1z", "another path"),
                ("(URL): .*", "$1: https://elsewhere/x", "URL"),
                ("(StorePath): .*", "$1: x", "no narinfo"),
            ]
            for (pattern, replacement, reason) in changes {
                let text = sample.narInfo.replacingOccurrences(
                    of: pattern,
                    with: replacement,
                    options: .regularExpression
                )
                #expect(text != sample.narInfo)
                let answer = try await setup.put(sample.narInfoTarget, Array(text.utf8), token)
                #expect((400...422).contains(answer.status), "\(reason): \(answer.text)")
                #expect(answer.text.contains(reason), "\(answer.text)")
                #expect(try await setup.get(sample.narInfoTarget, token).status == 404)
            }
            let good = try await setup.put(
                sample.narInfoTarget,
                Array(sample.narInfo.utf8),
                token
            )
            #expect(good.status == 201, "\(good.text)")
            #expect(try await setup.get(sample.narInfoTarget, token).status == 200)
        }
    }

    @Test func referencesComeFirst() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            let path = try #require(setup.paths.first { $0.hasSuffix("-link-1") })
            let sample = try await SentSample(setup, path)
            #expect(try await setup.put(sample.target, sample.nar, token).status == 201)
            let early = try await setup.put(
                sample.narInfoTarget,
                Array(sample.narInfo.utf8),
                token
            )
            #expect(early.status == 422 && early.text.contains("-link-0"), "\(early.text)")
            #expect(try await setup.get(sample.narInfoTarget, token).status == 404)
            let below = try await SentSample(setup, leaf(setup))
            #expect(try await setup.put(below.target, below.nar, token).status == 201)
            for sample in [below, sample] {
                let text = Array(sample.narInfo.utf8)
                #expect(try await setup.put(sample.narInfoTarget, text, token).status == 201)
            }
        }
    }

    @Test func nobodyHasSignedWhatTheyHaveNotSent() async throws {
        try await withPushSetup { setup in
            let caches = setup.administration
            try await caches.firn("cache", "create", "secret").requireSuccess()
            let owner = try await caches.token("secret", "push")
            let thief = try await caches.token("team", "push,pull")
            let second = try await caches.token("team", "push")
            let sample = try await SentSample(setup, leaf(setup))
            for target in [sample.target, sample.narInfoTarget] {
                let place = target.replacing("/team/", with: "/secret/")
                let body = target == sample.target ? sample.nar : Array(sample.narInfo.utf8)
                #expect(try await setup.put(place, body, owner).status == 201)
            }
            // Known to the server, and not sent by this token: refused, and not told to be known.
            let text = Array(sample.narInfo.utf8)
            #expect(try await setup.put(sample.narInfoTarget, text, thief).status == 422)
            #expect(try await setup.get(sample.target, thief).status == 404)
            #expect(try await setup.put(sample.target, sample.nar, second).status == 201)
            #expect(try await setup.put(sample.narInfoTarget, text, thief).status == 422)
            #expect(try await setup.put(sample.narInfoTarget, text, second).status == 201)
            let objects = try FileManager.default.contentsOfDirectory(
                atPath: "\(setup.server.state)/depot/nar"
            )
            #expect(objects.count == 1)
        }
    }

    @Test func aSignatureInTheCachesNameIsItsOwnOrNone() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push,pull")
            let sample = try await SentSample(setup, leaf(setup))
            #expect(try await setup.put(sample.target, sample.nar, token).status == 201)
            let name = setup.publicKey.prefix { $0 != ":" }
            let forged = Data(repeating: 7, count: 64).base64EncodedString()
            let kept = "other-1:\(forged)"
            let text = sample.narInfo + "Sig: \(name):\(forged)\nSig: \(kept)\n"
            let put = try await setup.put(sample.narInfoTarget, Array(text.utf8), token)
            #expect(put.status == 201)
            let signed = try await setup.get(sample.narInfoTarget, token).text
            #expect(signed.contains("Sig: \(kept)"))
            #expect(!signed.contains("\(name):\(forged)"))
            try await withClient(.installed) { home in
                home.use(cache: setup.url, trusting: setup.publicKey)
                try setup.logIn(&home, with: token)
                try await home.run("nix-store", ["--realise", leaf(setup)]).requireSuccess()
            }
        }
    }

    @Test func whatDoesNotFitIsRefusedBeforeItIsSent() async throws {
        let bounds = ["--quota", "100kB", "--max-nar-size", "50kB"]
        try await withPushSetup(create: bounds) { setup in
            let token = try await setup.administration.token("team", "push")
            let large = try await announce("200000", setup, token)
            #expect(large.status == 413 && large.text.contains("max-nar-size"))
            let huge = try await announce("9999999999999", setup, token)
            #expect(huge.status == 413)
            let small = try await announce("40000", setup, token)
            #expect(small.status == 100)
            _ = try await setup.administration.firn(
                "cache",
                "configure",
                "team",
                "--max-nar-size",
                "none"
            )
            let beyond = try await announce("200000", setup, token)
            #expect(beyond.status == 507 && beyond.text.contains("quota of 100000 bytes"))
            _ = try await setup.administration.firn("cache", "configure", "team", "--quota", "none")
            let full = try await announce("9999999999999", setup, token)
            #expect(full.status == 507 && full.text.contains("the depot has no room"))
        }
    }

    /// Says how long a body would be, and waits to be asked for it.
    private func announce(
        _ length: String,
        _ setup: PushSetup,
        _ token: String
    ) async throws -> HTTPAnswer {
        let request = HTTPRequest(
            "/team/nar/\(String(repeating: "0", count: 52)).nar",
            method: "PUT",
            fields: [
                ("Content-Length", length), ("Authorization", "Bearer \(token)"),
                ("Expect", "100-continue"),
            ]
        )
        return try await setup.server.onConnection { connection in
            try connection.socket.write(request.bytes)
            var answer = try connection.readHead()
            if answer.status != 100, let length = answer["Content-Length"].flatMap({ Int($0) }) {
                _ = try connection.readBytes(length, into: &answer.body)
            }
            return answer
        }
    }

    @Test func aBombEndsAtTheBound() async throws {
        try await withPushSetup(create: ["--max-nar-size", "1MB"]) { setup in
            let token = try await setup.administration.token("team", "push")
            let file = try setup.directory.write("", to: "bomb")
            let zeros = Command(
                "sh",
                ["-c", "head -c 200000000 /dev/zero | zstd -19 -q > '\(file)'"]
            )
            try await zeros.run(deadline: .seconds(60)).requireSuccess()
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: file)))
            let name = "/team/nar/\(String(repeating: "0", count: 52)).nar.zst"
            let answer = try await setup.put(name, bytes, token)
            #expect(answer.status == 413, "\(answer.text)")
            let folder = "\(setup.server.state)/depot/unfinished"
            try await wait(for: "end of the upload") {
                try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty
            }
        }
    }

    @Test func anUploadThatBreaksOffLeavesNothing() async throws {
        try await withPushSetup { setup in
            let token = try await setup.administration.token("team", "push")
            let sample = try await SentSample(setup, leaf(setup))
            let request = HTTPRequest(
                sample.target,
                method: "PUT",
                fields: [
                    ("Content-Length", "\(sample.nar.count)"),
                    ("Authorization", "Bearer \(token)"),
                ]
            )
            try await setup.server.onConnection { connection in
                try connection.socket.write(request.bytes + sample.nar.prefix(100))
                connection.socket.cut()
            }
            let folder = "\(setup.server.state)/depot/unfinished"
            try await wait(for: "end of the upload") {
                try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty
            }
            let text = Array(sample.narInfo.utf8)
            #expect(try await setup.put(sample.narInfoTarget, text, token).status == 422)
        }
    }
}
