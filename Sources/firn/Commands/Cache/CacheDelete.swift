// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI
import Foundation
import Glibc

/// `firn cache delete`.
struct CacheDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a cache with everything in it.",
        discussion: """
            Asks for the cache's name; scripts give it with --yes. What other caches have as well stays \
            there. The signing key stays in the state folder: a cache of the same name made later goes \
            on with it.

            Example:
              firn cache delete team --yes team

            \(CacheCommand.exitCodes)
            """
    )

    @Argument(help: "The cache.")
    var name: String

    @Option(help: ArgumentHelp("Do not ask; the cache's name once more.", valueName: "name"))
    var yes: String?

    @OptionGroup var administration: AdministrationOptions

    func validate() throws {
        if let yes, yes != name {
            throw ValidationError("--yes says \"\(yes)\", and the cache is \"\(name)\"")
        }
    }

    func run() async throws {
        if yes == nil { try confirm() }
        let request = CacheReference(name: name)
        try await administration.order(.caches(.delete), request, about: "cache \(name)") {
            (gone: CacheReport) in
            let paths = "\(Quantity.count(UInt64(gone.paths))) path\(gone.paths == 1 ? "" : "s")"
            return ["deleted \(gone.name): \(paths), \(Quantity.bytes(gone.sizeBytes))"]
        }
    }

    private func confirm() throws {
        guard isatty(STDIN_FILENO) == 1 else {
            throw NotConfirmed(reason: "nobody is there to ask; give --yes \(name)")
        }
        let question = "This deletes everything in \(name). Type its name to go on: "
        try? FileHandle.standardError.write(contentsOf: Data(question.utf8))
        guard readLine(strippingNewline: true) == name else {
            throw NotConfirmed(reason: "that is not its name; nothing was deleted")
        }
    }
}

/// Somebody was asked, and did not agree.
struct NotConfirmed: Error, CustomStringConvertible {
    let reason: String
    var description: String { reason }
}
