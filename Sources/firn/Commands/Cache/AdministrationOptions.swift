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
    ///
    /// `subject`: What is not there when the server knows nothing of it, or tells this token nothing.
    func order<Body: Decodable & Sendable>(
        _ route: FirnRoute,
        _ request: some Encodable,
        about subject: String? = nil,
        show: (Body) -> [String]
    ) async throws {
        let reply: FirnReply<Body>
        do {
            reply = try await connection().order(route, request)
        } catch let error as FirnConnectionError {
            guard let subject, case .refused(404, _) = error.cause else { throw error }
            let phrase = "there is no \(subject)" + (server == nil ? "" : ", or not for this token")
            throw FirnConnectionError(
                address: error.address,
                cause: .refused(status: 404, phrase: phrase)
            )
        }
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
