// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI

/// `firn token revoke`.
struct TokenRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "End a token, at once.",
        discussion: """
            The next request that shows it is that of a stranger.

            Example:
              firn token revoke 4dzh0bnk2q

            \(TokenCommand.exitCodes)
            """
    )

    @Argument(help: "Its number, as firn token list shows it.")
    var id: String

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let request = TokenReference(id: id)
        try await administration.order(.tokens(.revoke), request) { (gone: TokenReport) in
            ["revoked \(gone.id): \(gone.allow.joined(separator: ", ")) on \(gone.caches)"]
        }
    }
}
