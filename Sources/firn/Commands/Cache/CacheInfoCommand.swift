// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI

/// `firn cache info`.
struct CacheInfoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show a cache: its settings, its public key and what it takes.",
        discussion: """
            Example:
              firn cache info team

            \(CacheCommand.exitCodes)
            """
    )

    @Argument(help: "The cache.")
    var name: String

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let request = CacheReference(name: name)
        try await administration.order(.caches(.info), request, about: "cache \(name)") {
            (cache: CacheReport) in
            CacheView.lines(cache)
        }
    }
}
