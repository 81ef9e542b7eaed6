// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI
import Foundation

/// `firn cache list`.
struct CacheList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the caches that can be pushed to.",
        discussion: """
            Those that the one who asks may administer.

            Example:
              firn cache list --json

            \(CacheCommand.exitCodes)
            """
    )

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
        try await administration.order(.caches(.list), ListRequest()) { (all: CacheListReport) in
            CacheView.table(all.caches, style)
        }
    }
}
