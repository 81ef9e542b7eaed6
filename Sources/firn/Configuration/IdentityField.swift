// SPDX-License-Identifier: Apache-2.0
import Caches
import Identity

/// One key of an `[[oidc]]`: what it takes and which field of the settings it is.
///
/// As ``CacheField``.
package struct IdentityField: Sendable {
    /// The key in the table: `keys-url`.
    package let key: String
    /// Continues the sentence "takes …".
    package let expected: String
    /// The same, for who offers a form for it.
    package let shape: ValueShape
    /// What holds without the key, as the reference page shows it.
    package let defaultText: String
    package let summary: String

    let apply: @Sendable (SettingInput, inout DeclaredIdentity.Draft) throws(SettingProblem) -> Void
    /// The value in force, as it would stand in `firn.toml`; empty where it would not.
    package let show: @Sendable (DeclaredIdentity.Draft) -> String

    init<Value: Sendable>(
        _ key: String,
        _ field: any WritableKeyPath<DeclaredIdentity.Draft, Value> & Sendable,
        _ reader: SettingReader<Value>,
        default defaultText: String = "required",
        summary: String
    ) {
        self.key = key
        self.defaultText = defaultText
        self.summary = summary
        expected = reader.expected
        shape = reader.shape
        apply = { input, draft throws(SettingProblem) in
            draft[keyPath: field] = try reader.read(input, "")
        }
        show = { reader.write($0[keyPath: field]) }
    }
}

extension IdentityField {
    /// Every key of an issuer, in the order of `docs/reference/configuration.md`.
    package static let all = [
        IdentityField(
            "issuer",
            \.issuer,
            .issuerURL,
            summary: "Who makes the tokens: what stands in their `iss`, to the letter. `https`, or "
                + "`http` to this machine."
        ),
        IdentityField(
            "audience",
            \.audiences,
            .audiences,
            summary: "Whom the tokens are for: one of these has to be in their `aud`. Best the URL "
                + "of this server, so that no token for another service opens this one."
        ),
        IdentityField(
            "caches",
            \.caches,
            .cachePattern,
            summary: "The caches that are opened: a name, or the beginning of names with `*` "
                + "behind it."
        ),
        IdentityField(
            "allow",
            \.permissions,
            .identityPermissions,
            summary: "What is allowed there, as for tokens; `admin` is not to be had."
        ),
        IdentityField(
            "claims",
            \.claims,
            .claims,
            summary: "What else a token has to say of its bearer. All claims have to be there; of "
                + "several texts one has to match. `*` stands for any characters, `/` among them."
        ),
        IdentityField(
            "keys-url",
            \.keysURL,
            .issuerURL,
            default: "what `ISSUER/.well-known/openid-configuration` says",
            summary: "Where the issuer's public keys are (JWKS)."
        ),
    ]
}

extension SettingReader where Value == SecureURL? {
    static let issuerURL = SettingReader(
        form: .text,
        expected: "a URL such as \"https://gitlab.com\"",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            do throws(SecureURL.ParseError) {
                return try SecureURL(parsing: text)
            } catch .hasCredentials {
                // What is secret must not get into a log by way of a message.
                throw .malformed("…", reason: "\(SecureURL.ParseError.hasCredentials)")
            } catch {
                throw .malformed(text, reason: "\(error)")
            }
        },
        write: { $0.map { quoted("\($0)") } ?? "" }
    )
}

extension SettingReader where Value == [String] {
    static let audiences = SettingReader(
        form: .list,
        expected: "a text, or an array of 1 to \(IdentityLimits.audiences) texts",
        read: { input, _ throws(SettingProblem) in
            try input.requireOneOrMore(atMost: IdentityLimits.audiences)
        },
        write: { "[" + $0.map(quoted).joined(separator: ", ") + "]" },
        narrowerShape: .any
    )
}

extension SettingReader where Value == CachePattern? {
    static let cachePattern = SettingReader(
        form: .text,
        expected: "a name of caches such as \"team\" or \"team*\"",
        read: { input, _ throws(SettingProblem) in
            let text = try input.requireText()
            do throws(CachePattern.ParseError) {
                return try CachePattern(parsing: text)
            } catch {
                throw .malformed(text, reason: "\(error)")
            }
        },
        write: { $0.map { quoted("\($0)") } ?? "" }
    )
}

extension SettingReader where Value == Permissions {
    static let identityPermissions = SettingReader(
        form: .list,
        expected: "an array of \"pull\", \"push\" and \"delete\"",
        read: { input, _ throws(SettingProblem) in
            let words = try input.requireTexts()
            if words.contains("admin") {
                throw .malformed("admin", reason: "takes a token that Firn makes")
            }
            for word in words where Permissions(words: [word]) == nil {
                throw .malformed(word, reason: "is none of them")
            }
            guard let permissions = Permissions(words: words) else {
                throw .malformed("[]", reason: "allows nothing")
            }
            return permissions
        },
        write: { "[" + $0.words.map(quoted).joined(separator: ", ") + "]" }
    )
}

extension SettingReader where Value == [String: [ClaimPattern]] {
    static let claims = SettingReader(
        form: .text,
        expected: "a table of claims, each a text or an array of texts",
        read: { input, _ throws(SettingProblem) in
            guard case .table(let fields) = input else { throw .wrongType(found: input.typeName) }
            guard fields.count <= IdentityLimits.claims else {
                throw .malformed("\(fields.count)", reason: "claims are too many")
            }
            var claims: [String: [ClaimPattern]] = [:]
            for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
                guard !IdentityLimits.checkedAnyway.contains(name) else {
                    throw .malformed(name, reason: "is checked anyway, and says nothing of whose")
                }
                claims[name] = try patterns(value, of: name)
            }
            return claims
        },
        write: { claims in
            let fields = claims.sorted { $0.key < $1.key }.map { name, patterns in
                let texts = patterns.map { quoted("\($0)") }
                return "\(quoted(name)) = [\(texts.joined(separator: ", "))]"
            }
            return "{ \(fields.joined(separator: ", ")) }"
        },
        narrowerShape: .any
    )

    private static func patterns(
        _ value: SettingInput,
        of name: String
    ) throws(SettingProblem) -> [ClaimPattern] {
        do {
            return try value.requireOneOrMore(atMost: IdentityLimits.patterns).map(
                ClaimPattern.init
            )
        } catch .wrongType(let found) {
            throw .malformed(name, reason: "is \(found)")
        } catch .malformed(let text, let reason) {
            throw .malformed("\(name) = \(text)", reason: reason)
        }
    }
}

/// How much an `[[oidc]]` may say.
private enum IdentityLimits {
    static let audiences = 16
    static let claims = 32
    static let patterns = 64
    static let textBytes = 1_024
    /// Claims that every token has and every rule looks at.
    static let checkedAnyway: Set<String> = ["aud", "exp", "iat", "iss", "jti", "nbf"]
}

extension SettingInput {
    /// A text, or some of them.
    fileprivate func requireOneOrMore(atMost most: Int) throws(SettingProblem) -> [String] {
        let texts: [String]
        if case .text(let text) = self { texts = [text] } else { texts = try requireTexts() }
        guard !texts.isEmpty else { throw .malformed("[]", reason: "is empty") }
        guard texts.count <= most else {
            throw .malformed("\(texts.count)", reason: "are too many")
        }
        for text in texts {
            guard !text.isEmpty else { throw .malformed(text, reason: "is empty") }
            guard text.utf8.count <= IdentityLimits.textBytes else {
                throw .malformed(
                    "\(text.prefix(20))…",
                    reason: "is longer than \(IdentityLimits.textBytes) bytes"
                )
            }
        }
        return texts
    }
}
