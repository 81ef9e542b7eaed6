// SPDX-License-Identifier: Apache-2.0
import Caches
import FirnTestSupport
import Identity
import Logging
import Synchronization

/// An issuer without a wire, a verifier that believes it, and a clock that the test turns.
final class IssuerStand: Sendable {
    static let url = "https://issuer.example"

    /// Keys take long to make, and any test may use them.
    static let rsa = Result { try TestIdentityKey.rsa("rsa-1") }
    static let otherRSA = Result { try TestIdentityKey.rsa("rsa-2") }
    static let ecdsa = TestIdentityKey.ecdsa("ec-1")

    struct Down: Error {}

    struct State {
        var keys: [TestJSON] = []
        var lifetime: Duration?
        var isDown = false
        /// In place of the documents, by URL.
        var documents: [String: [UInt8]] = [:]
        var fetched: [String] = []
        /// Since the beginning of the test.
        var seconds = 0
        /// Answers wait for as long as this is set.
        var isHeld = false
    }

    let state = Mutex(State())
    let log = LogCollector()
    private let verifiers = Mutex<IdentityVerifier?>(nil)
    private let startedAt = ContinuousClock.now
    static let startSeconds = 1_800_000_000

    var now: Int { Self.startSeconds + state.withLock { $0.seconds } }

    var keyFetches: Int {
        state.withLock { state in state.fetched.count { !$0.contains("well-known") } }
    }

    init(
        _ rules: [IdentityRule]? = nil,
        keys: [TestIdentityKey] = []
    ) throws {
        let rules = try rules ?? [Self.rule()]
        try publish(keys.isEmpty ? [Self.rsa.get(), Self.ecdsa] : keys)
        let clock = IdentityVerifier.Clock(
            unixSeconds: { [unowned self] in Int64(now) },
            instant: { [unowned self] in startedAt + .seconds(state.withLock { $0.seconds }) }
        )
        let logger = Logger(label: "test") { [log] _ in log }
        let verifier = IdentityVerifier(rules, clock: clock, logger: logger) {
            [unowned self] url in
            try await answer(url.description)
        }
        verifiers.withLock { $0 = verifier }
    }

    static func rule(
        _ caches: String = "team*",
        _ permissions: Permissions = [.pull, .push],
        issuer: String = url,
        audiences: [String] = ["https://firn.example"],
        claims: [String: [String]] = ["repository_owner": ["acme"]],
        keysURL: String? = nil,
        place: String = "firn.toml:1"
    ) throws -> IdentityRule {
        IdentityRule(
            place: place,
            issuer: try SecureURL(parsing: issuer),
            audiences: audiences,
            caches: try CachePattern(parsing: caches),
            permissions: permissions,
            claims: claims.mapValues { $0.map(ClaimPattern.init) },
            keysURL: try keysURL.map { try SecureURL(parsing: $0) }
        )
    }

    func publish(_ keys: [TestIdentityKey], algorithm: String? = nil) throws {
        let entries = try keys.map { try $0.jwk(algorithm: algorithm) }
        state.withLock { $0.keys = entries }
    }

    func pass(_ seconds: Int) { state.withLock { $0.seconds += seconds } }

    /// A token that is good now.
    func token() -> TestIdentityToken { .ofJob(issuer: Self.url, now: now) }

    /// Who a token makes its bearer.
    func visitor(_ text: String) async throws -> Visitor {
        guard let token = IdentityToken(parsing: text) else { return .anonymous }
        guard let verifier = verifiers.withLock({ $0 }) else { throw Down() }
        return await verifier.visitor(with: token)
    }

    /// Whether a token, after a change, lets its bearer push to `team`.
    func admits(
        signedBy key: TestIdentityKey? = nil,
        _ change: (inout TestIdentityToken) -> Void = { _ in }
    ) async throws -> Bool {
        var token = token()
        change(&token)
        let text = try token.text(signedBy: key ?? Self.rsa.get())
        return try await visitor(text).may(.push, CacheName(parsing: "team"))
    }

    private func answer(_ url: String) async throws -> IdentityDocument {
        state.withLock { $0.fetched.append(url) }
        while state.withLock({ $0.isHeld }) { await Task.yield() }
        return try state.withLock { state in
            if state.isDown { throw Down() }
            if let document = state.documents[url] { return IdentityDocument(bytes: document) }
            if url.hasSuffix("/.well-known/openid-configuration") {
                let text = "{\"issuer\":\"\(Self.url)\",\"jwks_uri\":\"\(Self.url)/keys\"}"
                return IdentityDocument(bytes: Array(text.utf8), lifetime: .seconds(1))
            }
            let keys = try TestJSON.object(["keys": .list(state.keys)]).encoded
            return IdentityDocument(bytes: keys, lifetime: state.lifetime)
        }
    }
}
