// SPDX-License-Identifier: Apache-2.0
import Caches
import FirnTestSupport
import Foundation
import Identity
import Synchronization
import Testing

/// What a token has to be for its bearer to be let in.
@Suite struct TokenTests {
    @Test(arguments: ["RS256", "PS256", "ES256"])
    func aTokenOfTheIssuerLetsItsBearerIn(_ algorithm: String) async throws {
        let stand = try IssuerStand()
        var token = stand.token()
        token.algorithm = algorithm
        let key = algorithm == "ES256" ? IssuerStand.ecdsa : try IssuerStand.rsa.get()
        let visitor = try await stand.visitor(token.text(signedBy: key))
        let right = VouchedVisitor.Right(
            caches: try CachePattern(parsing: "team*"),
            permissions: [.pull, .push]
        )
        #expect(
            visitor
                == .vouched(
                    VouchedVisitor(
                        issuer: IssuerStand.url,
                        subject: "repo:acme/site:ref:refs/heads/main",
                        rights: [right]
                    )
                )
        )
        #expect(try visitor.may(.push, CacheName(parsing: "team-a")))
        #expect(try !visitor.may(.delete, CacheName(parsing: "team-a")))
        #expect(try !visitor.may(.pull, CacheName(parsing: "other")))
        #expect(!visitor.isAdministrator)
        #expect(stand.log.lines == [])
    }

    /// A change to a good token that makes it a bad one, and what the log says of it.
    struct Flaw: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: String
        let change: @Sendable (inout TestIdentityToken) -> Void

        init(
            _ testDescription: String,
            _ reason: String,
            _ change: @escaping @Sendable (inout TestIdentityToken) -> Void
        ) {
            self.testDescription = testDescription
            self.reason = reason
            self.change = change
        }

        static let start = IssuerStand.startSeconds

        static let all: [Flaw] = [
            Flaw("another issuer", "no [[oidc]] names") {
                $0.claims["iss"] = "https://other.example"
            },
            Flaw("an issuer with a slash", "no [[oidc]] names") {
                $0.claims["iss"] = "\(IssuerStand.url)/"
            },
            Flaw("no issuer", "no claim iss") { $0.claims["iss"] = nil },
            Flaw("an issuer of another type", "no claim iss") { $0.claims["iss"] = [1] },
            Flaw("another audience", "claim aud differs") {
                $0.claims["aud"] = "https://other.example"
            },
            Flaw("no audience", "claim aud differs") { $0.claims["aud"] = nil },
            Flaw("other audiences", "claim aud differs") { $0.claims["aud"] = ["a", "b"] },
            Flaw("an audience of another type", "claim aud differs") { $0.claims["aud"] = 1 },
            Flaw("a beginning of the audience", "claim aud differs") {
                $0.claims["aud"] = "https://firn"
            },
            Flaw("no subject", "no claim sub") { $0.claims["sub"] = nil },
            Flaw("an empty subject", "no claim sub") { $0.claims["sub"] = "" },
            Flaw("no end", "no claim exp") { $0.claims["exp"] = nil },
            Flaw("an end of another type", "no claim exp") { $0.claims["exp"] = "2099-01-01" },
            Flaw("an end beyond all numbers", "valid for more than a day") {
                $0.claims["exp"] = .number(1e300)
            },
            Flaw("an issue of another type", "no claim iat") { $0.claims["iat"] = "now" },
            Flaw("ended", "has expired") { $0.claims["exp"] = .integer(start - 60) },
            Flaw("begins later", "not valid yet") { $0.claims["nbf"] = .integer(start + 61) },
            Flaw("was made later", "not valid yet") { $0.claims["iat"] = .integer(start + 61) },
            Flaw("lives for more than a day", "more than a day") {
                $0.claims["exp"] = .integer(start + 86_401)
            },
            Flaw("lives for more than a day, as far as it says", "more than a day") {
                $0.claims["iat"] = nil
                $0.claims["nbf"] = nil
                $0.claims["exp"] = .integer(start + 86_401)
            },
            Flaw("a claim is missing", "claim repository_owner differs") {
                $0.claims["repository_owner"] = nil
            },
            Flaw("a claim differs", "claim repository_owner differs from firn.toml:1") {
                $0.claims["repository_owner"] = "acme2"
            },
            Flaw("a claim differs in case", "claim repository_owner differs") {
                $0.claims["repository_owner"] = "Acme"
            },
            Flaw("a claim is a list", "claim repository_owner differs") {
                $0.claims["repository_owner"] = ["acme"]
            },
            Flaw("a claim is an object", "claim repository_owner differs") {
                $0.claims["repository_owner"] = .object(["acme": true])
            },
            Flaw("a claim is a flag", "claim repository_owner differs") {
                $0.claims["repository_owner"] = true
            },
            Flaw("another key", "a key that its issuer does not have") { $0.keyID = "rsa-9" },
            Flaw("the key of another algorithm", "for another algorithm") { $0.keyID = "ec-1" },
        ]
    }

    @Test(arguments: Flaw.all)
    func whateverDiffersIsRefusedAndToldToTheLog(_ flaw: Flaw) async throws {
        let stand = try IssuerStand()
        #expect(try await stand.admits())
        #expect(try await !stand.admits(flaw.change))
        #expect(stand.log.lines.count == 1)
        let line = try #require(stand.log.lines.first)
        #expect(line.contains(flaw.reason), "\(line)")
    }

    @Test func clocksMayDifferByAMinute() async throws {
        let stand = try IssuerStand()
        let now = stand.now
        #expect(try await stand.admits { $0.claims["exp"] = .integer(now - 59) })
        #expect(
            try await stand.admits {
                $0.claims["nbf"] = .integer(now + 60)
                $0.claims["iat"] = .integer(now + 60)
            }
        )
        #expect(try await stand.admits { $0.claims["exp"] = .integer(now + 86_400) })
        #expect(try await stand.admits { $0.claims["exp"] = .number(Double(now) - 0.5) })
    }

    @Test func nothingButAKeyOfTheIssuerSigns() async throws {
        let stand = try IssuerStand()
        let rsa = try IssuerStand.rsa.get()
        #expect(try await !stand.admits { $0.algorithm = "none" })
        #expect(try await !stand.admits { $0.algorithm = "HS256" })
        let stranger = try IssuerStand.otherRSA.get()
        #expect(try await !stand.admits(signedBy: stranger) { $0.keyID = rsa.id })
        for algorithm in ["None", "NONE", "rs256", "HS512", "EdDSA", "RS1", ""] {
            let token = stand.token()
            let header: [String: TestJSON] = ["alg": .text(algorithm), "kid": .text(rsa.id)]
            let text = try token.text(header: header, signedBy: rsa)
            #expect(try await stand.visitor(text) == .anonymous, "\(algorithm)")
        }
        #expect(stand.log.lines.contains { $0.contains("is not signed with RS256") })
        #expect(stand.log.lines.contains { $0.contains("has a wrong signature") })
    }

    @Test func theHeadHasToNameAKeyAndNothingThatHasToBeUnderstood() async throws {
        let stand = try IssuerStand()
        let rsa = try IssuerStand.rsa.get()
        let heads: [[String: TestJSON]] = [
            ["alg": "RS256"], ["kid": "rsa-1"], ["alg": 1, "kid": "rsa-1"],
            ["alg": "RS256", "kid": 1], ["alg": "RS256", "kid": "rsa-1", "crit": ["exp"]],
            ["alg": "RS256", "kid": .text(String(repeating: "k", count: 600))],
        ]
        for head in heads {
            let text = try stand.token().text(header: head, signedBy: rsa)
            #expect(try await stand.visitor(text) == .anonymous, "\(head)")
        }
        // What a token brings along to be checked by is not looked at.
        let own = try IssuerStand.otherRSA.get()
        let head: [String: TestJSON] = [
            "alg": "RS256", "kid": "rsa-1", "jwk": try own.jwk(algorithm: "RS256"),
            "jku": "https://attacker.example/keys", "x": .number(1e300),
        ]
        let forged = try stand.token().text(header: head, signedBy: own)
        #expect(try await stand.visitor(forged) == .anonymous)
        let honest = try stand.token().text(header: head, signedBy: rsa)
        #expect(try await stand.visitor(honest) != .anonymous)
        #expect(stand.state.withLock { $0.fetched.allSatisfy { $0.hasPrefix(IssuerStand.url) } })
    }

    @Test func everyChangedByteIsRefused() async throws {
        let stand = try IssuerStand()
        var token = stand.token()
        token.algorithm = "ES256"
        let text = try token.text(signedBy: IssuerStand.ecdsa)
        #expect(try await stand.visitor(text) != .anonymous)
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.".utf8
        )
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        for _ in 0..<400 {
            var bytes = Array(text.utf8)
            let place = Int.random(in: bytes.indices, using: &random)
            let byte = alphabet.randomElement(using: &random) ?? 0
            guard bytes[place] != byte else { continue }
            bytes[place] = byte
            let changed = String(decoding: bytes, as: UTF8.self)
            #expect(try await stand.visitor(changed) == .anonymous, "seed \(seed): \(changed)")
        }
    }

    @Test func garbageIsNobodys() async throws {
        let stand = try IssuerStand()
        let brackets = String(repeating: "[", count: 10_000)
        let payloads = [
            "", "{", "null", "[]", "1", "\"x\"", brackets, "{\"iss\":\(brackets)}",
            "{\"exp\":1e999}",
            "{\"iss\":\"\(IssuerStand.url)\"}", "\u{FF}",
        ]
        for payload in payloads {
            let parts = [payload, payload, payload].map {
                TestIdentityKey.base64URL(Array($0.utf8))
            }
            #expect(try await stand.visitor(parts.joined(separator: ".")) == .anonymous)
            let head = TestIdentityKey.base64URL(
                Array("{\"alg\":\"RS256\",\"kid\":\"rsa-1\"}".utf8)
            )
            #expect(try await stand.visitor("\(head).\(parts[1]).\(parts[2])") == .anonymous)
        }
        for text in ["a.b.c", "A.A.A", "====.====.====", "AAAA.AAAA.AAAA", "AAAAA.AAAA."] {
            #expect(try await stand.visitor(text) == .anonymous)
        }
    }

    @Test func onlyThreePartsOfALimitedSizeAreATokenAtAll() throws {
        let large = String(repeating: "a", count: IdentityToken.maximumBytes - 4)
        #expect(IdentityToken(parsing: "a.\(large).b") != nil)
        #expect(IdentityToken(parsing: "a.\(large)b.b") == nil)
        for text in [
            "", "a", "a.b", "a.b.c.d", ".b.c", "a..c", "a.b.c=", "a.b+.c", "a.b. c", "ä.b.c",
        ] {
            #expect(IdentityToken(parsing: text) == nil, "\(text)")
        }
        let secret = try #require(IdentityToken(parsing: "abc.def.ghi"))
        #expect(!"\(secret) \(String(reflecting: secret))".contains("def"))
    }
}

/// Random numbers that a seed brings back.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
