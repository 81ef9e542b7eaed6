// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A Firn whose own store is empty, with a cache called `team`.
struct TeamCache: Sendable {
    let server: FirnServer
    let directory: TemporaryDirectory
    let setup: ServerSetup
    let publicKey: String

    var administration: CacheAdministration { CacheAdministration(server: server) }

    /// The command `firn push team`, to this server's control socket.
    func command(_ source: PushSource, _ arguments: [String]) -> Command {
        command(source, ["push", "team", "--config", server.configurationPath] + arguments, nil)
    }

    /// `firn` with the whole of its arguments but the store.
    func command(_ source: PushSource, _ arguments: [String], _ token: String?) -> Command {
        // Behind `--` nothing is an option any more.
        let end = arguments.firstIndex(of: "--") ?? arguments.count
        var all = arguments
        all.insert(contentsOf: ["--store", source.store.root], at: end)
        var command = Command(FirnServer.programme, all)
        command.environment["HOME"] = "/nonexistent"
        command.environment["FIRN_TOKEN"] = token
        return command
    }

    /// Runs `firn push team` over the control socket.
    func push(_ source: PushSource, _ arguments: [String]) async throws -> CommandOutcome {
        try await command(source, arguments).run(deadline: .seconds(600))
    }

    /// Runs `firn push` with a URL and a token.
    func push(
        _ source: PushSource,
        to url: String,
        _ token: String?,
        _ arguments: [String]
    ) async throws -> CommandOutcome {
        try await command(source, ["push", url] + arguments, token).run(deadline: .seconds(600))
    }

    func has(_ path: String, cache: String = "team") async throws -> Bool {
        try await server.get("/\(cache)/\(path.storeHash).narinfo").status == 200
    }
}

/// Makes one; `create` is what follows `firn cache create team`.
func withTeamCache(
    create: [String] = ["--public"],
    change: (inout ServerSetup) -> Void = { _ in },
    _ body: (TeamCache) async throws -> Void
) async throws {
    try await withNixStore { own in
        try await own.initialise()
        try await withTemporaryDirectory { directory in
            var setup = ServerSetup(storeRoot: own.root)
            setup.compression = "zstd"
            setup.state = try directory.makeDirectory("state")
            change(&setup)
            try await withServer(setup) { server in
                let caches = CacheAdministration(server: server)
                try await caches.firn(["cache", "create", "team"] + create).requireSuccess()
                let info = try await caches.info("team")
                let key = info.firstMatch(of: /"public-key":"([^"]*)"/)?.1 ?? ""
                try await body(
                    TeamCache(
                        server: server,
                        directory: directory,
                        setup: setup,
                        publicKey: String(key)
                    )
                )
            }
        }
    }
}
