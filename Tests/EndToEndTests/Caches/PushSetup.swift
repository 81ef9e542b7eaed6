// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A server with a cache called `team`, and a store elsewhere with something to push to it.
struct PushSetup: Sendable {
    let server: FirnServer
    /// Somebody else's: the server's own store is empty.
    let store: TemporaryNixStore
    /// The top of the closure, and all of it.
    let top: String
    let paths: [String]
    let publicKey: String
    let directory: TemporaryDirectory

    var administration: CacheAdministration { CacheAdministration(server: server) }
    var url: String { "\(server.url)/team" }

    /// Lets a client show a token, as its user would.
    func logIn(_ home: inout NixClientHome, with token: String) throws {
        let name = "netrc-\(UInt64.random(in: 0 ... .max))"
        let path = try directory.write(
            "machine 127.0.0.1 login anybody password \(token)\n",
            to: name
        )
        home.settings.append(("netrc-file", path))
    }

    /// `nix copy` from the store to the cache.
    func push(
        _ home: NixClientHome,
        _ path: String? = nil,
        parameters: String = "",
        deadline: Duration = .seconds(120)
    ) async throws -> CommandOutcome {
        let arguments = ["copy", "--from", store.root, "--to", url + parameters, path ?? top]
        return try await home.runAnywhere("nix", arguments, deadline: deadline)
    }

    /// A GET with a token, as Bearer.
    func get(_ target: String, _ token: String? = nil) async throws -> HTTPAnswer {
        try await server.get(target, fields: Self.fields(token))
    }

    /// Sends a body.
    func put(
        _ target: String,
        _ body: [UInt8],
        _ token: String?,
        fields: [(name: String, value: String)] = []
    ) async throws -> HTTPAnswer {
        let length = [(name: "Content-Length", value: "\(body.count)")]
        let request = HTTPRequest(
            target,
            method: "PUT",
            fields: length + Self.fields(token) + fields
        )
        guard let answer = try await server.send(request.bytes + body) else {
            throw NoAnswer()
        }
        return answer
    }

    /// The connection ended without an answer.
    struct NoAnswer: Error {}

    private static func fields(_ token: String?) -> [(name: String, value: String)] {
        token.map { [("Authorization", "Bearer \($0)")] } ?? []
    }
}

/// Makes both; `create` is what follows `firn cache create team`.
func withPushSetup(
    create: [String] = [],
    closure: SampleClosure = .small,
    change: (inout ServerSetup) -> Void = { _ in },
    _ body: (PushSetup) async throws -> Void
) async throws {
    try await withNixStore { store in
        let top = try await store.buildSmall(closure)
        let root = top.first { $0.hasSuffix("-top") } ?? top[0]
        let paths = try await store.closure(of: [root])
        try await withNixStore { own in
            try await own.initialise()
            var setup = ServerSetup(storeRoot: own.root)
            setup.compression = "zstd"
            change(&setup)
            try await withTemporaryDirectory { directory in
                try await withServer(setup) { server in
                    let caches = CacheAdministration(server: server)
                    try await caches.firn(["cache", "create", "team"] + create).requireSuccess()
                    let info = try await caches.info("team")
                    let key = info.firstMatch(of: /"public-key":"([^"]*)"/)?.1 ?? ""
                    try await body(
                        PushSetup(
                            server: server,
                            store: store,
                            top: root,
                            paths: paths,
                            publicKey: String(key),
                            directory: directory
                        )
                    )
                }
            }
        }
    }
}
