// SPDX-License-Identifier: Apache-2.0
import Caches
import NixFormat
import Testing

@Suite struct AccessTests {
    private func token(
        _ pattern: String,
        _ permissions: Permissions,
        expiresAt: Int64? = nil
    ) throws -> AccessToken {
        AccessToken(
            id: .generate(),
            digest: TokenSecret.generate().digest,
            caches: try CachePattern(parsing: pattern),
            permissions: permissions,
            createdAt: 0,
            expiresAt: expiresAt
        )
    }

    private func cache(_ name: String, isPublic: Bool = false) throws -> NamedCache {
        NamedCache(
            name: try CacheName(parsing: name),
            settings: CacheSettings(isPublic: isPublic),
            publicKey: try SecretKey.generate(name: "k").publicKey,
            createdAt: 0
        )
    }

    @Test func everybodyReadsWhatIsPublicAndNobodyElse() throws {
        let open = try cache("open", isPublic: true)
        let closed = try cache("closed")
        let other = Visitor.token(try token("other*", [.pull, .push]))
        for visitor in [Visitor.anonymous, other] {
            #expect(visitor.mayRead(open))
            #expect(!visitor.mayRead(closed))
            #expect(!visitor.maySee(closed))
            #expect(!visitor.may(.push, open.name))
        }
        #expect(Visitor.owner.mayRead(closed))
    }

    @Test func aTokenDoesWhatItSaysWhereItSays() throws {
        let team = try cache("team-a")
        let pusher = Visitor.token(try token("team*", .push))
        #expect(pusher.may(.push, team.name))
        #expect(pusher.maySee(team))
        #expect(!pusher.mayRead(team))
        #expect(!pusher.isAdministrator)
        #expect(!pusher.may(.push, try CacheName(parsing: "tea")))
    }

    @Test func whoIsVouchedForDoesWhatTheRulesSayWhereTheySay() throws {
        func right(
            _ pattern: String,
            _ permissions: Permissions
        ) throws -> VouchedVisitor.Right {
            VouchedVisitor.Right(
                caches: try CachePattern(parsing: pattern),
                permissions: permissions
            )
        }
        let rights = [
            try right("team*", .push), try right("team-a", .pull), try right("*", .admin),
        ]
        let job = Visitor.vouched(VouchedVisitor(issuer: "i", subject: "s", rights: rights))
        let (inner, outer) = (try cache("team-a"), try cache("team-b"))
        #expect(job.may([.push, .pull], inner.name) && job.mayRead(inner))
        #expect(job.may(.push, outer.name) && !job.mayRead(outer) && job.maySee(outer))
        let other = try cache("other")
        #expect(!job.maySee(other) && !job.may(.admin, other.name))
        #expect(!job.isAdministrator && !job.mayAdminister(.all))
    }

    @Test(arguments: [
        ("*", "*", true), ("*", "team", true), ("team*", "team", true), ("team*", "team-*", true),
        ("team-*", "team*", false), ("team", "team*", false), ("team", "team", true),
        ("team", "other", false), ("a*", "*", false),
    ])
    func patternsCoverThoseWithinThem(_ outer: String, _ inner: String, _ covers: Bool) throws {
        let pattern = try CachePattern(parsing: outer)
        #expect(pattern.covers(try CachePattern(parsing: inner)) == covers)
        let admin = Visitor.token(try token(outer, .admin))
        #expect(admin.mayAdminister(try CachePattern(parsing: inner)) == covers)
    }

    @Test(arguments: ["", "a*b", "**", "Team*", "a b*", "nar", "../*"])
    func whatIsNoPatternIsRefused(_ text: String) {
        #expect(throws: CachePattern.ParseError.self) { try CachePattern(parsing: text) }
    }

    @Test func aTokenEndsWhenItSays() throws {
        let token = try token("*", .pull, expiresAt: 100)
        #expect(token.isValid(at: 99))
        #expect(!token.isValid(at: 100))
        #expect(try self.token("*", .pull).isValid(at: .max))
    }

    @Test func aSecretIsReadBackAndShowsItselfNowhereElse() throws {
        let secret = TokenSecret.generate()
        let text = secret.secretText()
        #expect(text.utf8.count == 57)
        #expect(try #require(TokenSecret(parsing: text)).digest == secret.digest)
        #expect(TokenSecret.generate().digest != secret.digest)
        var dump = ""
        Swift.dump(secret, to: &dump)
        for shown in ["\(secret)", String(reflecting: secret), dump] {
            #expect(!shown.contains(text.dropFirst(5)))
        }
        for bad in ["", "firn_", String(text.dropLast()), text + "0", "nope_\(text.dropFirst(5))"] {
            #expect(TokenSecret(parsing: bad) == nil)
        }
    }

    @Test func aDocumentIsReadBack() throws {
        var settings = CacheSettings(isPublic: true, quotaBytes: 5, retentionSeconds: 90)
        settings.upstreams = ["nixos"]
        settings.maximumNARBytes = 7
        for settings in [settings, CacheSettings()] {
            var cache = try cache("team")
            cache.settings = settings
            cache.isDeclared = true
            #expect(try NamedCache(document: cache.document()) == cache)
        }
        #expect(throws: NamedCache.DocumentError.self) {
            try NamedCache(document: Array("{}".utf8))
        }
    }
}
