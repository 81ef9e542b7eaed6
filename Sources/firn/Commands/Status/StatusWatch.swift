// SPDX-License-Identifier: Apache-2.0
import CacheClient
import FirnAPI
import Foundation
import Glibc

/// `firn status --watch`: a page that is drawn anew on a terminal, a line a second elsewhere.
struct StatusWatch {
    let connection: FirnConnection
    let isJSON: Bool

    private static let interval = Duration.seconds(1)

    /// Goes on until the process is told to stop, or nobody reads any more.
    ///
    /// - Throws: When the first question fails; later ones are shown, since a daemon that starts again
    ///   is just what one may be watching.
    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let style = TextStyle.ofStandardOutput(environment)
        let redraws = !isJSON && isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        var isFirst = true
        while true {
            let next = ContinuousClock.now + Self.interval
            let text: String
            do throws(FirnConnectionError) {
                let reply = try await connection.status()
                text = show(reply, style, redraws: redraws)
            } catch {
                if isFirst { throw error }
                if redraws {
                    text = Self.page([style.apply(.red, to: "firn: \(error)")])
                } else {
                    StandardError.write("firn: \(error)")
                    text = ""
                }
            }
            guard Self.print(text) else { return }
            isFirst = false
            try await Task.sleep(until: next)
        }
    }

    private func show(
        _ reply: FirnReply<StatusReport>,
        _ style: TextStyle,
        redraws: Bool
    ) -> String {
        if isJSON { return "\(reply.jsonLine)\n" }
        let view = StatusView(reply.body, of: connection.address, at: Date())
        return redraws ? Self.page(view.lines(style)) : "\(view.summaryLine)\n"
    }

    /// Draws over what is there, so that nothing flickers, and clears what is left below.
    private static func page(_ lines: [String]) -> String {
        "\u{1B}[H" + lines.map { "\($0)\u{1B}[K\n" }.joined() + "\u{1B}[J"
    }

    private static func print(_ text: String) -> Bool {
        guard !text.isEmpty else { return true }
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
            return true
        } catch {
            return false
        }
    }
}
