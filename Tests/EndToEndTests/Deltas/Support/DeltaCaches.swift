// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Two private caches of one server, `team` and `other`, each with a token of its own.
struct DeltaCaches: Sendable {
    let server: FirnServer
    private let corpus: DeltaCorpus
    private let directory: TemporaryDirectory
    private let tokens: [String: String]
    private let publicKeys: [String: String]

    init(
        on server: FirnServer,
        _ corpus: DeltaCorpus,
        in directory: TemporaryDirectory
    ) async throws {
        self.server = server
        self.corpus = corpus
        self.directory = directory
        let administration = CacheAdministration(server: server)
        var (tokens, publicKeys) = ([String: String](), [String: String]())
        for name in ["team", "other"] {
            try await administration.firn("cache", "create", name).requireSuccess()
            let token = try await administration.token(name, "push,pull")
            tokens[name] = token.trimmingCharacters(in: .whitespacesAndNewlines)
            let info = try await administration.info(name)
            publicKeys[name] = info.firstMatch(of: /"public-key":"([^"]*)"/).map { "\($0.1)" }
        }
        (self.tokens, self.publicKeys) = (tokens, publicKeys)
    }

    func publicKey(_ cache: String) -> String { publicKeys[cache] ?? "" }

    /// For the tier of an agent.
    func tokenFile(_ cache: String) throws -> String {
        try directory.write("\(tokens[cache] ?? "")\n", to: "\(cache).token")
    }

    /// Pushes a closure of the corpus, with real Nix.
    func push(_ path: String, to cache: String) async throws {
        try await withClient(.installed) { home in
            let netrc = try directory.write(
                "machine 127.0.0.1 login anybody password \(tokens[cache] ?? "")\n",
                to: "netrc-\(cache)"
            )
            home.settings.append(("netrc-file", netrc))
            let places = ["--from", corpus.store.root, "--to", "\(server.url)/\(cache)"]
            try await home.runAnywhere("nix", ["copy", "--no-check-sigs"] + places + [path])
                .requireSuccess()
        }
    }

    /// Gets a target with the token of a cache.
    func get(
        _ target: String,
        _ cache: String?,
        _ fields: [(name: String, value: String)]
    ) async throws -> HTTPAnswer {
        try await server.get(target, fields: fields + authorization(cache))
    }

    /// Asks `team` for many deltas at once.
    func order(_ body: [UInt8], _ cache: String?) async throws -> HTTPAnswer {
        let fields = [
            ("Content-Type", "text/x-firn-delta-order"), ("Content-Length", "\(body.count)"),
        ]
        let request = HTTPRequest(
            "/team/api/v1/deltas",
            method: "POST",
            fields: fields + authorization(cache)
        )
        guard let answer = try await server.send(request.bytes + body) else { throw NoAnswer() }
        return answer
    }

    /// The connection ended without an answer.
    struct NoAnswer: Error {}

    private func authorization(_ cache: String?) -> [(name: String, value: String)] {
        cache.flatMap { tokens[$0] }.map { [("Authorization", "Bearer \($0)")] } ?? []
    }
}
