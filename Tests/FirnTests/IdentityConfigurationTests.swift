// SPDX-License-Identifier: Apache-2.0
import Caches
import FirnTestSupport
import Identity
import Testing
import firn

@Suite struct IdentityConfigurationTests {
    private static func load(_ text: String) async throws -> ConfigurationLoader.Outcome {
        try await withTemporaryDirectory { folder in
            let file = try folder.write(text, to: "f")
            var loader = ConfigurationLoader(
                environment: [:],
                currentDirectory: "/nowhere",
                isRoot: true,
                processID: 77,
                fileExists: { $0 == file }
            )
            loader.namedFile = file
            return try loader.load()
        }
    }

    /// The lines of a good table, by key.
    private static let good = [
        ("issuer", "issuer = \"https://git.example\""),
        ("audience", "audience = \"https://firn.example\""),
        ("caches", "caches = \"team*\""),
        ("allow", "allow = [\"push\"]"),
        ("claims", "claims = { project_path = \"acme/*\" }"),
    ]

    /// The good table with one line in place of the one of that key, at line 2.
    private static func table(_ key: String = "", _ line: String = "") -> String {
        let rest = good.filter { $0.0 != key }.map(\.1)
        return (["[[oidc]]", line] + rest).joined(separator: "\n") + "\n"
    }

    @Test func everyKeyIsRead() async throws {
        let text = """
            [[oidc]]
            issuer = "https://token.actions.githubusercontent.com"
            audience = ["https://firn.example", "firn"]
            caches = "team*"
            allow = ["pull", "push"]
            claims = { repository_owner = "acme", ref = ["refs/heads/main", "refs/tags/*"] }

            [[oidc]]
            issuer = "http://127.0.0.1:8080/realm/"
            audience = "firn"
            caches = "other"
            allow = ["delete"]
            keys-url = "http://127.0.0.1:8080/keys"
            [oidc.claims]
            "https://example/claim" = "x"
            sub = "*:main"
            """
        let outcome = try await Self.load(text)
        let rules = outcome.configuration.identities.map(\.rule)
        try #require(rules.count == 2)
        #expect(rules[0].place.hasSuffix("/f:1") && rules[1].place.hasSuffix("/f:8"))
        #expect("\(rules[0].issuer)" == "https://token.actions.githubusercontent.com")
        #expect(rules[0].audiences == ["https://firn.example", "firn"])
        #expect(rules[0].caches == (try CachePattern(parsing: "team*")))
        #expect(rules[0].permissions == [.pull, .push])
        #expect(
            rules[0].claims == [
                "repository_owner": [ClaimPattern("acme")],
                "ref": [ClaimPattern("refs/heads/main"), ClaimPattern("refs/tags/*")],
            ]
        )
        #expect(rules[0].keysURL == nil)
        #expect("\(rules[1].issuer)" == "http://127.0.0.1:8080/realm/")
        #expect(rules[1].permissions == .delete)
        #expect(rules[1].keysURL.map { "\($0)" } == "http://127.0.0.1:8080/keys")
        #expect(rules[1].claims.keys.sorted() == ["https://example/claim", "sub"])
        #expect(outcome.warnings == [])
    }

    @Test func whatIsInForceCanBeReadAgain() async throws {
        let text = Self.table("claims", "claims = { sub = [\"a*\", \"b\\\"\"], \"x/y\" = \"1\" }")
        let draft = try #require(try await Self.load(text).configuration.identities.first?.draft)
        let shown = IdentityField.all.map { ($0.key, $0.show(draft)) }.filter { !$0.1.isEmpty }
            .map { "\($0.0) = \($0.1)" }
        let again = try await Self.load("[[oidc]]\n" + shown.joined(separator: "\n"))
        #expect(again.configuration.identities.map(\.draft) == [draft])
        #expect(draft.claims["sub"] == [ClaimPattern("a*"), ClaimPattern("b\"")])
    }

    @Test(arguments: [
        ("issuer", "", "f:1: oidc.issuer is missing"),
        ("audience", "", "f:1: oidc.audience is missing"),
        ("caches", "", "f:1: oidc.caches is missing"),
        ("allow", "", "f:1: oidc.allow is missing"),
        (
            "claims", "",
            "f:1: oidc.claims is missing; without one, everybody who gets a token from "
                + "https://git.example would be let in; add for example claims = {"
        ),
        ("claims", "claims = {}", "f:1: oidc.claims is missing; without one"),
        ("claims", "claims = { sub = \"*\" }", "f:1: oidc.claims is missing; without one"),
        ("claims", "claims = { sub = [\"a\", \"**\"] }", "oidc.claims is missing; without one"),
        ("claims", "claims = { iss = \"x\" }", "f:2: oidc.claims takes a table of claims"),
        ("claims", "claims = { aud = \"x\" }", "\"aud\" is checked anyway"),
        ("claims", "claims = { sub = 1 }", "\"sub\" is an integer"),
        ("claims", "claims = { sub = true }", "\"sub\" is a boolean"),
        ("claims", "claims = { sub = [1] }", "\"sub\" is an array with an integer in it"),
        ("claims", "claims = { sub = \"\" }", "\"sub = \" is empty"),
        ("claims", "claims = { sub = [] }", "\"sub = []\" is empty"),
        ("claims", "claims = { sub = { a = \"b\" } }", "\"sub\" is a table"),
        ("claims", "claims = \"sub\"", "f:2: oidc.claims takes a table of claims, each a text or"),
        ("issuer", "issuer = \"http://git.example\"", "f:2: oidc.issuer takes a URL"),
        ("issuer", "issuer = \"git.example\"", "is no URL such as https://HOST/PATH"),
        ("issuer", "issuer = \"https://u:secret@git.example\"", "has a user name or password"),
        ("issuer", "issuer = \"https://git.example?x\"", "has a query or a fragment"),
        ("issuer", "issuer = 1", "f:2: oidc.issuer takes a URL such as"),
        ("", "keys-url = \"http://git.example/keys\"", "f:2: oidc.keys-url takes a URL"),
        ("audience", "audience = []", "f:2: oidc.audience takes a text"),
        ("audience", "audience = \"\"", "\"\" is empty"),
        ("audience", "audience = [\"a\", \"a\"]", "names \"a\" twice"),
        ("caches", "caches = \"t*m\"", "f:2: oidc.caches takes a name of caches"),
        ("caches", "caches = \"Team\"", "f:2: oidc.caches takes a name of caches"),
        ("allow", "allow = [\"admin\"]", "\"admin\" takes a token that Firn makes"),
        ("allow", "allow = [\"write\"]", "\"write\" is none of them"),
        ("allow", "allow = []", "\"[]\" allows nothing"),
        ("allow", "allow = \"push\"", "not a string"),
        (
            "", "bound_claims = {}",
            "unknown key \"oidc.bound_claims\"; did you mean \"oidc.claims\"?"
        ),
        ("", "isuer = \"x\"", "did you mean \"oidc.issuer\"?"),
    ])
    func aMistakeIsToldWithItsLine(_ key: String, _ line: String, _ part: String) async throws {
        let text = Self.table(key, line)
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        let description = error?.description ?? ""
        #expect(description.contains(part), "\(description)")
        #expect(!description.contains("secret"), "\(description)")
    }

    @Test func tablesThatCannotBeTogetherAreRefused() async throws {
        #expect(
            try await Self.load(Self.table() + Self.table()).configuration.identities.count == 2
        )
        let keys = "keys-url = \"https://git.example/keys\""
        let two = Self.table() + Self.table("", keys)
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(two) }
        #expect(error?.description.contains("f:8: oidc.keys-url cannot be together with") == true)
        let nowhere = Self.table() + "[depot]\nlocation = \"none\"\n"
        let other = await #expect(throws: ConfigurationError.self) { try await Self.load(nowhere) }
        #expect(other?.description.contains("[[oidc]] cannot be together with depot") == true)
        let single = await #expect(throws: ConfigurationError.self) {
            try await Self.load("[oidc]\nissuer = \"https://git.example\"\n")
        }
        #expect(single?.description.contains("write [[oidc]] for each") == true)
    }

    @Test(arguments: [
        ("https://token.actions.githubusercontent.com", "ref = \"refs/heads/main\"", true),
        (
            "https://token.actions.githubusercontent.com", "repository_owner = \"*\", ref = \"x\"",
            true
        ),
        ("https://token.actions.githubusercontent.com", "repository = \"acme/*\"", false),
        ("https://gitlab.com", "ref_protected = \"true\"", true),
        ("https://gitlab.com", "namespace_path = \"acme\"", false),
        ("https://git.example", "ref = \"x\"", false),
    ])
    func claimsThatNameNobodyAreWarnedAbout(
        _ issuer: String,
        _ claims: String,
        _ isWarned: Bool
    ) async throws {
        let text = Self.table("issuer", "issuer = \"\(issuer)\"")
            .replacing("claims = { project_path = \"acme/*\" }", with: "claims = { \(claims) }")
        let warnings = try await Self.load(text).warnings
        #expect(warnings.contains { $0.contains("/f:1: oidc.claims names nobody") } == isWarned)
    }
}
