// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import FirnAPI
import Foundation

/// Whose caches and tokens a command is about, and by what right.
struct AdministrationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Ask this server, http://HOST:PORT, with a token; else this machine's own daemon.",
            valueName: "url"
        )
    )
    var server: String?

    @Option(
        help: ArgumentHelp(
            "The token is in this file; else in $FIRN_TOKEN. Only for other servers.",
            valueName: "file"
        )
    )
    var tokenFile: String?

    @Option(help: ArgumentHelp("Look here for where the daemon listens.", valueName: "file"))
    var config: String?

    @Flag(help: "Print JSON as the server sends it, on one line.")
    var json = false

    /// Gives an order and shows its answer.
    func order<Body: Decodable & Sendable>(
        _ route: FirnRoute,
        _ request: some Encodable,
        show: (Body) -> [String]
    ) async throws {
        let reply: FirnReply<Body> = try await connection().order(route, request)
        StandardOutput.write(json ? reply.jsonLine : show(reply.body).joined(separator: "\n"))
    }

    func connection() throws -> FirnConnection {
        var daemon = try DaemonOptions.parse([])
        daemon.config = config
        daemon.url = server
        let token = try server.map { _ in
            try TokenSource(
                file: tokenFile,
                environment: ProcessInfo.processInfo.environment
            ).read()
        }
        return FirnConnection(to: try daemon.controlAddress(), token: token)
    }
}
