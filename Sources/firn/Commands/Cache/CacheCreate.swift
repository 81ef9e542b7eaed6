// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI

/// `firn cache create`.
struct CacheCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a cache that can be pushed to.",
        discussion: """
            Its URL is that of the server with /NAME behind it. It gets a signing key of its own, kept \
            in the server's state folder; clients need the public half, which is printed. \
            Without --public it takes a token to read it.

            Example:
              firn cache create team --quota 5GB --retention 90d

            \(CacheCommand.exitCodes)
            """
    )

    @Argument(help: "Lower-case letters, digits, - and _.")
    var name: String

    @Flag(help: "Everybody may read it.")
    var `public` = false

    @OptionGroup var settings: CacheSettingOptions
    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let change = try settings.change(of: name, isPublic: `public`)
        try await administration.order(.caches(.create), change) { (made: CacheReport) in
            CacheView.lines(made)
        }
    }
}
