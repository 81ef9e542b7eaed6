// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI
import Foundation

/// `firn token list`.
struct TokenList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the tokens: what they allow, and until when.",
        discussion: """
            Those that reach no further than the one who asks. The tokens themselves are kept nowhere.

            Example:
              firn token list

            \(TokenCommand.exitCodes)
            """
    )

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
        try await administration.order(.tokens(.list), ListRequest()) { (all: TokenListReport) in
            guard !all.tokens.isEmpty else { return ["no tokens; firn token create makes one"] }
            var table = TextTable([.left, .left, .left, .left, .left])
            table.add(["TOKEN", "CACHES", "ALLOWS", "EXPIRES", "LABEL"])
            for token in all.tokens {
                let end = token.expiresAt.map { "\($0)" } ?? "never"
                table.add([
                    TextTable.Cell(token.id), TextTable.Cell(token.caches),
                    TextTable.Cell(token.allow.joined(separator: ",")),
                    TextTable.Cell(token.isExpired ? "\(end) (expired)" : end),
                    TextTable.Cell(token.label),
                ])
            }
            return table.lines(style)
        }
    }
}
