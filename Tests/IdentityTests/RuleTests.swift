// SPDX-License-Identifier: Apache-2.0
import Caches
import FirnTestSupport
import Identity
import Testing

/// Which rules let a token in, and what they make of it.
@Suite struct RuleTests {
    @Test(arguments: [
        ("acme", "acme", true), ("acme", "acme2", false), ("acme", "", false),
        ("refs/tags/*", "refs/tags/v1", true), ("refs/tags/*", "refs/tags/", true),
        ("refs/tags/*", "refs/tags", false), ("refs/tags/*", "x/refs/tags/v1", false),
        ("*", "", true), ("*", "anything", true), ("*/site", "acme/site", true),
        ("*/site", "acme/site/x", false), ("a*b*c", "abc", true), ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "acb", false), ("ab*ba", "aba", false), ("ab*ba", "abba", true),
        ("a**b", "ab", true), ("*a*", "bbb", false), ("*ab*ab*", "xabxab", true),
        ("*ab*ab*", "xab", false), ("a*a*a", "aa", false), ("K", "\u{212A}", false),
        ("é", "e\u{301}", false),
    ])
    func aStarStandsForAnyBytes(_ pattern: String, _ text: String, _ matches: Bool) {
        #expect(ClaimPattern(pattern).matches(text) == matches)
    }

    @Test func allClaimsOfARuleHaveToMatchAndOneOfTheirTexts() async throws {
        let claims = [
            "repository_owner": ["acme"], "ref": ["refs/heads/main", "refs/tags/*"],
        ]
        let stand = try IssuerStand([try IssuerStand.rule(claims: claims)])
        #expect(try await stand.admits())
        #expect(try await stand.admits { $0.claims["ref"] = "refs/tags/v1" })
        #expect(try await !stand.admits { $0.claims["ref"] = "refs/heads/x" })
        #expect(
            try await !stand.admits {
                $0.claims["ref"] = "refs/tags/v1"
                $0.claims["repository_owner"] = "other"
            }
        )
    }

    @Test func aTokenHasTheRightsOfAllRulesThatItMatches() async throws {
        let stand = try IssuerStand([
            try IssuerStand.rule("team", [.pull], place: "f:1"),
            try IssuerStand.rule(
                "team*",
                [.push],
                claims: ["ref": ["refs/heads/main"]],
                place: "f:9"
            ),
            try IssuerStand.rule("*", [.delete], claims: ["ref": ["refs/tags/*"]], place: "f:17"),
        ])
        let token = try stand.token().text(signedBy: IssuerStand.rsa.get())
        let visitor = try await stand.visitor(token)
        let (team, other) = (try CacheName(parsing: "team"), try CacheName(parsing: "team-b"))
        #expect(visitor.may([.pull, .push], team))
        #expect(visitor.may(.push, other) && !visitor.may(.pull, other))
        #expect(!visitor.may(.delete, team))
        #expect(try !visitor.may(.push, CacheName(parsing: "x")))
        #expect(try !visitor.mayAdminister(CachePattern(parsing: "team")))
        #expect(stand.log.lines == [])
        let none = try await stand.admits {
            $0.claims["repository_owner"] = "x"
            $0.claims["ref"] = "x"
        }
        #expect(!none)
        let line = try #require(stand.log.lines.first)
        for part in ["repository_owner differs from f:1", "ref differs from f:9", "from f:17"] {
            #expect(line.contains(part), "\(line)")
        }
    }

    @Test func aRuleNeverGivesAdmin() async throws {
        let stand = try IssuerStand([try IssuerStand.rule("*", [.push, .admin])])
        let visitor = try await stand.visitor(stand.token().text(signedBy: IssuerStand.rsa.get()))
        #expect(try visitor.may(.push, CacheName(parsing: "team")))
        #expect(try !visitor.may(.admin, CacheName(parsing: "team")))
        #expect(!visitor.isAdministrator && !visitor.mayAdminister(.all))
    }

    @Test func severalAudiencesOnEitherSideAreFine() async throws {
        let rule = try IssuerStand.rule(audiences: ["a", "https://firn.example"])
        let stand = try IssuerStand([rule])
        #expect(try await stand.admits { $0.claims["aud"] = ["x", "a"] })
        #expect(try await stand.admits())
        #expect(try await !stand.admits { $0.claims["aud"] = ["x", "b"] })
    }

    @Test func theLogIsToldOnceAndNothingSecret() async throws {
        let stand = try IssuerStand()
        var token = stand.token()
        token.claims["repository_owner"] = "hidden-value"
        token.claims["sub"] = "line\nbreak \u{1B}[31m"
        let text = try token.text(signedBy: IssuerStand.rsa.get())
        for _ in 0..<5 { #expect(try await stand.visitor(text) == .anonymous) }
        #expect(
            stand.log.lines == [
                "notice: an identity was refused: the token matches no [[oidc]]: claim "
                    + "repository_owner differs from firn.toml:1 issuer=https://issuer.example "
                    + "subject=line?break??[31m"
            ]
        )
        stand.pass(601)
        token.claims["exp"] = .integer(stand.now + 60)
        _ = try await stand.visitor(token.text(signedBy: IssuerStand.rsa.get()))
        #expect(stand.log.lines.count == 2)
    }

    @Test func manyStrangersDoNotFillTheLog() async throws {
        let stand = try IssuerStand()
        for number in 0..<300 {
            let isIn = try await stand.admits(signedBy: IssuerStand.ecdsa) {
                $0.algorithm = "ES256"
                $0.claims["sub"] = "stranger-\(number)"
                $0.claims["repository_owner"] = "x"
            }
            #expect(!isIn)
        }
        #expect(stand.log.lines.count == 100)
    }
}
