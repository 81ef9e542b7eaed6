// SPDX-License-Identifier: Apache-2.0

/// A token of an issuer of identities before it is signed, right or wrong as a test wants it.
package struct TestIdentityToken: Sendable {
    package var algorithm: String
    /// `nil` leaves it out of the head.
    package var keyID: String?
    package var header: [String: TestJSON] = ["typ": "JWT"]
    package var claims: [String: TestJSON]

    package init(algorithm: String = "RS256", claims: [String: TestJSON]) {
        self.algorithm = algorithm
        self.claims = claims
    }

    /// What such a token of a job says, valid for five minutes from `now` on.
    ///
    /// `now`: Seconds of Unix time.
    package static func ofJob(issuer: String, now: Int) -> TestIdentityToken {
        TestIdentityToken(claims: [
            "iss": .text(issuer),
            "aud": "https://firn.example",
            "sub": "repo:acme/site:ref:refs/heads/main",
            "repository": "acme/site",
            "repository_owner": "acme",
            "ref": "refs/heads/main",
            "iat": .integer(now),
            "nbf": .integer(now),
            "exp": .integer(now + 300),
        ])
    }

    /// The token, signed; it names the key by its own name unless `keyID` says otherwise.
    package func text(signedBy key: TestIdentityKey) throws -> String {
        var header = header
        header["alg"] = .text(algorithm)
        header["kid"] = .text(keyID ?? key.id)
        return try text(header: header, signedBy: key)
    }

    /// The token with exactly this head.
    package func text(
        header: [String: TestJSON],
        signedBy key: TestIdentityKey
    ) throws -> String {
        let head = TestIdentityKey.base64URL(try TestJSON.object(header).encoded)
        let payload = TestIdentityKey.base64URL(try TestJSON.object(claims).encoded)
        let signed = "\(head).\(payload)"
        let signature = try key.signature(of: Array(signed.utf8), by: algorithm)
        return "\(signed).\(TestIdentityKey.base64URL(signature))"
    }
}
