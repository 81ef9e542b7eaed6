// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI

/// `firn cache configure`.
struct CacheConfigure: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configure",
        abstract: "Change settings of a cache; those that are not named stay.",
        discussion: """
            A cache that the server's firn.toml declares is changed there.

            Example:
              firn cache configure team --quota 10GB --retention none

            \(CacheCommand.exitCodes)
            """
    )

    @Argument(help: "The cache.")
    var name: String

    @Flag(help: "Everybody may read it from now on.")
    var `public` = false

    @Flag(help: "Reading it takes a token from now on.")
    var `private` = false

    @OptionGroup var settings: CacheSettingOptions
    @OptionGroup var administration: AdministrationOptions

    func validate() throws {
        if `public`, `private` {
            throw ValidationError("--public and --private exclude each other")
        }
        let change = try settings.change(of: name, isPublic: isPublic)
        guard change != CacheChange(name: name) else {
            throw ValidationError("nothing to change: name a setting, such as --quota 10GB")
        }
    }

    private var isPublic: Bool? { `public` ? true : `private` ? false : nil }

    func run() async throws {
        let change = try settings.change(of: name, isPublic: isPublic)
        try await administration.order(.caches(.configure), change, about: "cache \(name)") {
            (changed: CacheReport) in
            CacheView.lines(changed)
        }
    }
}
