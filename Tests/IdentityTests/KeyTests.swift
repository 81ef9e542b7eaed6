// SPDX-License-Identifier: Apache-2.0
import Caches
import FirnTestSupport
import Identity
import Synchronization
import Testing

/// How the keys of an issuer are got, kept and changed.
@Suite struct KeyTests {
    private static let discovery = "\(IssuerStand.url)/.well-known/openid-configuration"

    @Test func keysAreFetchedOnceAndKept() async throws {
        let stand = try IssuerStand()
        #expect(stand.state.withLock { $0.fetched } == [], "nothing is asked before it is needed")
        for _ in 0..<10 { #expect(try await stand.admits()) }
        #expect(
            stand.state.withLock { $0.fetched } == [Self.discovery, "\(IssuerStand.url)/keys"]
        )
    }

    @Test func aHerdOfRequestsCausesOneFetch() async throws {
        let stand = try IssuerStand()
        stand.state.withLock { $0.isHeld = true }
        let token = try stand.token().text(signedBy: IssuerStand.rsa.get())
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { try await stand.visitor(token) != .anonymous } }
            while stand.state.withLock({ $0.fetched.isEmpty }) { await Task.yield() }
            stand.state.withLock { $0.isHeld = false }
            for try await isIn in group { #expect(isIn) }
        }
        #expect(stand.keyFetches == 1)
    }

    @Test func whoGoesAwayTakesNothingFromTheOthers() async throws {
        let stand = try IssuerStand()
        stand.state.withLock { $0.isHeld = true }
        let token = try stand.token().text(signedBy: IssuerStand.rsa.get())
        let first = Task { try await stand.visitor(token) }
        while stand.state.withLock({ $0.fetched.isEmpty }) { await Task.yield() }
        first.cancel()
        let second = Task { try await stand.visitor(token) }
        stand.state.withLock { $0.isHeld = false }
        #expect(try await second.value != .anonymous)
        #expect(stand.keyFetches == 1)
    }

    @Test func aNewKeyIsFoundAtOnceAndAnOldOneGoes() async throws {
        let (old, new) = (try IssuerStand.rsa.get(), try IssuerStand.otherRSA.get())
        let stand = try IssuerStand(keys: [old])
        #expect(try await stand.admits(signedBy: old))
        #expect(try await !stand.admits(signedBy: new))
        stand.pass(31)
        try stand.publish([new])
        #expect(try await stand.admits(signedBy: new))
        #expect(try await !stand.admits(signedBy: old), "rotated away")
    }

    @Test func unknownKeysAreAskedForOnceInHalfAMinute() async throws {
        let stand = try IssuerStand()
        #expect(try await stand.admits())
        for number in 0..<20 {
            #expect(try await !stand.admits { $0.keyID = "unknown-\(number)" })
        }
        #expect(stand.keyFetches == 1)
        stand.pass(30)
        for number in 0..<20 {
            #expect(try await !stand.admits { $0.keyID = "unknown-\(number)" })
        }
        #expect(stand.keyFetches == 2)
        #expect(try await stand.admits())
    }

    @Test(
        arguments: [
            (nil, 3_600), (0, 300), (10, 300), (600, 600), (1_000_000, 86_400),
        ] as [(Int?, Int)]
    )
    func keysAreKeptAsLongAsTheirServerSaysWithinReason(_ told: Int?, _ kept: Int) async throws {
        let stand = try IssuerStand()
        stand.state.withLock { $0.lifetime = told.map { .seconds($0) } }
        #expect(try await stand.admits())
        stand.pass(kept - 1)
        #expect(try await stand.admits())
        #expect(stand.keyFetches == 1)
        stand.pass(1)
        #expect(try await stand.admits())
        #expect(stand.keyFetches == 2)
    }

    @Test func oldKeysCountForADayWhileTheIssuerIsSilent() async throws {
        let stand = try IssuerStand()
        #expect(try await stand.admits())
        stand.state.withLock { $0.isDown = true }
        stand.pass(3_600)
        for _ in 0..<5 { #expect(try await stand.admits()) }
        #expect(stand.state.withLock { $0.fetched.count } == 3, "one try in half a minute")
        stand.pass(86_400 - 3_600 - 1)
        #expect(try await stand.admits())
        stand.pass(1)
        #expect(try await !stand.admits())
        #expect(stand.log.lines.contains { $0.contains("cannot be fetched") })
        stand.state.withLock { $0.isDown = false }
        stand.pass(30)
        #expect(try await stand.admits())
    }

    @Test func nobodyGetsInWhileThereAreNoKeys() async throws {
        let stand = try IssuerStand()
        stand.state.withLock { $0.isDown = true }
        for _ in 0..<5 { #expect(try await !stand.admits()) }
        #expect(stand.state.withLock { $0.fetched.count } == 1)
        stand.state.withLock { $0.isDown = false }
        #expect(try await !stand.admits(), "asked again half a minute later")
        stand.pass(30)
        #expect(try await stand.admits())
    }

    @Test func aConfiguredPlaceOfTheKeysTakesThePlaceOfDiscovery() async throws {
        let place = "http://127.0.0.1:8080/keys"
        let stand = try IssuerStand([try IssuerStand.rule(keysURL: place)])
        #expect(try await stand.admits())
        #expect(stand.state.withLock { $0.fetched } == [place])
    }

    @Test(arguments: [
        (
            "{\"issuer\":\"https://other.example\",\"jwks_uri\":\"https://issuer.example/k\"}",
            "another"
        ),
        (
            "{\"issuer\":\"https://issuer.example/\",\"jwks_uri\":\"https://issuer.example/k\"}",
            "another"
        ),
        (
            "{\"issuer\":\"https://issuer.example\",\"jwks_uri\":\"http://issuer.example/k\"}",
            "https"
        ),
        ("{\"issuer\":\"https://issuer.example\",\"jwks_uri\":\"http://127.0.0.1/k\"}", "https"),
        ("{\"issuer\":\"https://issuer.example\",\"jwks_uri\":\"file:///etc/passwd\"}", "https"),
        ("{\"issuer\":\"https://issuer.example\",\"jwks_uri\":\"\"}", "no URL"),
        ("{\"issuer\":\"https://issuer.example\"}", "does not tell"), ("[]", "does not tell"),
        ("", "does not tell"),
    ])
    func whatDiscoverySaysHasToBeTrueOfTheIssuer(_ document: String, _ reason: String) async throws
    {
        let stand = try IssuerStand()
        stand.state.withLock { $0.documents[Self.discovery] = Array(document.utf8) }
        #expect(try await !stand.admits())
        #expect(stand.state.withLock { $0.fetched } == [Self.discovery])
        let line = try #require(stand.log.lines.first { $0.contains("cannot be relied on") })
        #expect(line.contains(reason), "\(line)")
    }

    @Test(arguments: ["", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[1,null,{}]}"])
    func keysThatAreNoneAreNotTaken(_ document: String) async throws {
        let stand = try IssuerStand()
        #expect(try await stand.admits())
        stand.pass(3_600)
        stand.state.withLock { $0.documents["\(IssuerStand.url)/keys"] = Array(document.utf8) }
        #expect(try await stand.admits(), "the old ones still count")
        #expect(stand.log.lines.contains { $0.contains("cannot be used") })
    }

    @Test func documentsThatAreTooLargeAreNotRead() async throws {
        let stand = try IssuerStand()
        let large = [UInt8](repeating: 0x20, count: KeySource.maximumBytes + 1)
        stand.state.withLock { $0.documents["\(IssuerStand.url)/keys"] = large }
        #expect(try await !stand.admits())
        #expect(stand.log.lines.contains { $0.contains("is larger than") })
    }

    @Test func keysOfOtherKindsAreLeftOut() async throws {
        let stand = try IssuerStand()
        let good = try IssuerStand.rsa.get().jwk(algorithm: "RS256")
        let (ec, other) = (IssuerStand.ecdsa, try IssuerStand.otherRSA.get())
        let strange: [TestJSON] = [
            .object(["kty": "oct", "kid": "rsa-1", "k": "c2VjcmV0", "alg": "HS256"]),
            .object(["kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": "AA"]),
            .object(["kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"]),
            .object(["kty": "RSA", "kid": "small", "n": "AQAB", "e": "AQAB"]),
            .object(["kty": "EC", "kid": "off", "crv": "P-256", "x": "AAAA", "y": "AAAA"]),
            "text", good, try ec.jwk(algorithm: "ES384"),
        ]
        stand.state.withLock { $0.keys = strange }
        #expect(try await stand.admits())
        #expect(try await !stand.admits { $0.algorithm = "HS256" })
        #expect(try await !stand.admits { $0.algorithm = "PS256" }, "its key is for RS256")
        #expect(try await !stand.admits(signedBy: ec) { $0.algorithm = "ES256" })
        #expect(try await !stand.admits(signedBy: other) { $0.keyID = "small" })
    }

    @Test func aKeyWithoutAnAlgorithmIsNotBoundByTheFirstToken() async throws {
        let stand = try IssuerStand()
        #expect(try await stand.admits { $0.algorithm = "PS256" })
        #expect(try await stand.admits { $0.algorithm = "RS256" })
        #expect(try await stand.admits { $0.algorithm = "PS256" })
    }

    @Test(arguments: [
        ("https://token.actions.githubusercontent.com", true), ("https://git.example:8443/a", true),
        ("http://127.0.0.1:80", true), ("http://[::1]:80", true), ("http://localhost:1", true),
        ("http://127.1.2.3", true), ("http://git.example", false),
        ("http://127.evil.example", false),
        ("http://127.0.0.1.evil.example", false), ("http://localhost.evil.example", false),
        ("http://10.0.0.1", false), ("ftp://git.example", false), ("git.example", false),
        ("https://", false), ("https://a@b", false), ("https://a/?x", false),
        ("https://a/#x", false),
        ("https://a b", false), ("https://a\\b", false), ("https://ä", false), ("", false),
        ("http://127.0.0.1\\@evil.example", false), ("http://127.0.0.256", false),
    ])
    func onlyWhatCannotBeListenedToIsAnIssuer(_ text: String, _ isOne: Bool) {
        #expect(((try? SecureURL(parsing: text)) != nil) == isOne)
    }
}
