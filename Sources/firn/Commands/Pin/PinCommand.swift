// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI

/// `firn pin`.
struct PinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin",
        abstract: "Keep a path of a cache, with all it needs, from collection.",
        discussion: """
            A pin is a name for a path; pinned again, it means another one. The latest always stays; \
            earlier ones as --keep-revisions or --keep-days says.

            Asks the running daemon of this machine on its control socket; with --server another one, \
            with a token that allows push.

            Example:
              firn pin team release ./result --keep-revisions 3

            \(exitCodes)
            """,
        subcommands: [PinCreate.self, PinList.self, PinRemove.self],
        defaultSubcommand: PinCreate.self
    )

    static let exitCodes = """
        Exit codes:
          0  done
          1  failed: no such cache or pin, or the path is not in the cache
          2  wrong usage or configuration
          4  refused: the token does not allow it
          5  the daemon is not reached
        """
}

/// `firn pin create`, or `firn pin` alone.
struct PinCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Pin a path of a cache; create may be left out.",
        discussion: """
            Example:
              firn pin create team release ./result --keep-revisions 3

            \(PinCommand.exitCodes)
            """
    )

    @Argument(help: "The cache.")
    var cache: String

    @Argument(help: "What the path is called.")
    var name: String

    @Argument(help: "A store path, a link to one, or its hash.")
    var path: String

    @Option(help: ArgumentHelp("So many of the latest paths stay.", valueName: "number"))
    var keepRevisions: Int?

    @Option(help: ArgumentHelp("Earlier paths stay for so many days.", valueName: "number"))
    var keepDays: Int?

    @OptionGroup var administration: AdministrationOptions

    func validate() throws {
        if keepRevisions != nil, keepDays != nil {
            throw ValidationError("--keep-revisions and --keep-days exclude each other")
        }
    }

    func run() async throws {
        let request = PinRequest(
            cache: cache,
            name: name,
            hash: "\(try StorePathReference.hash(of: path))",
            revisions: keepRevisions,
            days: keepDays
        )
        try await administration.order(.pins(.create), request) { (report: PinListReport) in
            PinView.lines(report.pins.filter { $0.name == name })
        }
    }
}

/// `firn pin list`.
struct PinList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the pins of a cache.",
        discussion: """
            Example:
              firn pin list team

            \(PinCommand.exitCodes)
            """
    )

    @Argument(help: "The cache.")
    var cache: String

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let request = CacheReference(name: cache)
        try await administration.order(.pins(.list), request) { (report: PinListReport) in
            report.pins.isEmpty ? ["no pins"] : PinView.lines(report.pins)
        }
    }
}

/// `firn pin remove`.
struct PinRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Forget a pin; its paths go when nothing else keeps them.",
        discussion: """
            Example:
              firn pin remove team release

            \(PinCommand.exitCodes)
            """
    )

    @Argument(help: "The cache.")
    var cache: String

    @Argument(help: "What the pin is called.")
    var name: String

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let request = PinReference(cache: cache, name: name)
        try await administration.order(.pins(.remove), request) { (_: PinListReport) in
            ["removed \(name)"]
        }
    }
}

/// Pins as a person reads them.
enum PinView {
    static func lines(_ pins: [PinListReport.Pin]) -> [String] {
        pins.flatMap { pin in
            let keep =
                pin.keepDays.map { "keeps earlier ones for \($0) days" }
                ?? "keeps \(pin.keepRevisions ?? 1)"
            return ["\(pin.name) (\(keep))"]
                + pin.revisions.map { "  \($0.pinnedAt)  \($0.path)" }
        }
    }
}
