// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import FirnAPI
import Foundation

/// `firn status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how a running daemon and its tiers are doing.",
        discussion: """
            Asks the daemon of this machine: where --url says, else at the first address that the \
            configuration listens on. Other machines are not told.

            Example:
              firn status --watch

            Exit codes:
              0  shown
              2  wrong usage or configuration
              5  the daemon is not reached, or cannot tell
            """
    )

    @OptionGroup var daemon: DaemonOptions

    @Flag(help: "Show it anew every second, until Ctrl-C.")
    var watch = false

    @Flag(help: "Print JSON as the daemon sends it, on one line.")
    var json = false

    func run() async throws {
        let connection = FirnConnection(to: try daemon.address())
        if watch {
            try await StatusWatch(connection: connection, isJSON: json).run()
        } else {
            let reply = try await connection.status()
            let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
            let view = StatusView(reply.body, of: connection.address, at: Date())
            StandardOutput.write(
                json ? reply.jsonLine : view.lines(style).joined(separator: "\n")
            )
        }
    }
}

extension FirnReply {
    /// The bytes as one line of text; a daemon sends no line ends, and a stranger shall not either.
    var jsonLine: String {
        String(decoding: json.filter { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
    }
}
