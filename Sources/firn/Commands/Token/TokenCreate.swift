// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI

/// `firn token create`.
struct TokenCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a token, and print it: the only time that it is shown.",
        discussion: """
            The token alone goes to standard output, so that it can go into a file; what it allows \
            goes to standard error. The server keeps no more than its SHA-256.

            Nix sends it from a netrc file (machine HOST, any login, the token as password); \
            Firn's commands from --token-file or $FIRN_TOKEN.

            Example:
              firn token create --cache 'team*' --allow pull,push --expires 90d > token

            \(TokenCommand.exitCodes)
            """
    )

    @Option(
        help: ArgumentHelp(
            "A cache, or the beginning of names with * behind it.",
            valueName: "cache"
        )
    )
    var cache: String

    @Option(help: ArgumentHelp("One or more of pull, push, delete, admin.", valueName: "words"))
    var allow: String

    @Option(
        help: ArgumentHelp("How long it can be used, such as 90d, or never.", valueName: "time")
    )
    var expires = "90d"

    @Option(help: ArgumentHelp("What to call it in lists.", valueName: "text"))
    var label = ""

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let request = TokenRequest(
            caches: cache,
            allow: allow.split(separator: ",").map(String.init),
            lifetimeSeconds: expires == "never"
                ? nil : try CacheSettingOptions.time(expires, "--expires"),
            label: label
        )
        try await administration.order(.tokens(.create), request) { (made: NewTokenReport) in
            let about = made.about
            let end = about.expiresAt.map { "until \($0)" } ?? "for ever"
            let verbs = about.allow.joined(separator: ", ")
            StandardError.write("token \(about.id): \(verbs) on \(about.caches), \(end)")
            return [made.token]
        }
    }
}
