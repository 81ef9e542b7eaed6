// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `firn token`.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make and revoke the tokens that open caches.",
        discussion: """
            Asks the running daemon of this machine on its control socket, which only its owner and \
            root may use; with --server another one, with a token that allows admin.

            Example:
              firn token create --cache 'team*' --allow pull,push --expires 90d

            \(exitCodes)
            """,
        subcommands: [TokenCreate.self, TokenList.self, TokenRevoke.self]
    )

    static let exitCodes = """
        Exit codes:
          0  done
          1  failed: no such token
          2  wrong usage or configuration
          4  refused: the token that is shown does not allow it
          5  the daemon is not reached
        """
}
