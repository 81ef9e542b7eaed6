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
            with a token that allows push. For cachix:NAME asks Cachix, which has no way to list or \
            remove pins but its web page. The path has to be in the cache already: push it first.

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

    @Argument(help: "The cache: NAME, http://HOST:PORT/NAME, or cachix:NAME.")
    var cache: String

    @Argument(help: "What the path is called.")
    var name: String

    @Argument(help: "A store path, a link to one, or its hash.")
    var path: String

    @Option(help: ArgumentHelp("So many of the latest paths stay.", valueName: "number"))
    var keepRevisions: Int?

    @Option(help: ArgumentHelp("Earlier paths stay for so many days.", valueName: "number"))
    var keepDays: Int?

    @Flag(help: "Keep it for ever, whatever the pin was told before. Only at Cachix.")
    var keepForever = false

    @OptionGroup var administration: AdministrationOptions

    @Option(help: ArgumentHelp("Ask this server in place of https://cachix.org.", valueName: "url"))
    var host: String?

    @Option(help: ArgumentHelp("The Nix store to read, for Cachix.", valueName: "root"))
    var store: String?

    private var isAtCachix: Bool { cache.hasPrefix("cachix:") }

    func validate() throws {
        let chosen = [keepDays != nil, keepRevisions != nil, keepForever].count { $0 }
        guard chosen <= 1 else {
            throw ValidationError(
                "--keep-days, --keep-revisions and --keep-forever do not go together"
            )
        }
        for number in [keepDays, keepRevisions].compactMap({ $0 }) where number < 1 {
            throw ValidationError("a pin keeps at least 1, not \(number)")
        }
        if !isAtCachix, host != nil || store != nil || keepForever {
            throw ValidationError("--host, --store and --keep-forever are for cachix:NAME")
        }
        if isAtCachix, administration.server != nil || administration.json {
            throw ValidationError("--server and --json are not for cachix:NAME")
        }
        guard !name.isEmpty, name.utf8.count <= 200 else {
            throw ValidationError("a pin has a name of 1 to 200 bytes")
        }
    }

    func run() async throws {
        let reference = try PushCacheReference(parsing: cache)
        if case .cachix(let cachix) = reference { return try await pinAtCachix(cachix) }
        let place = try PinPlace(reference, administration)
        let request = PinRequest(
            cache: place.cache,
            name: name,
            hash: "\(try StorePathReference.hash(of: path))",
            revisions: keepRevisions,
            days: keepDays
        )
        try await place.administration.order(
            .pins(.create),
            request,
            about: "cache \(place.cache) with this path"
        ) { (report: PinListReport) in
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

    @Argument(help: "The cache: NAME, or http://HOST:PORT/NAME.")
    var cache: String

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let place = try PinPlace(PushCacheReference(parsing: cache), administration)
        let request = CacheReference(name: place.cache)
        try await place.administration.order(
            .pins(.list),
            request,
            about: "cache \(place.cache)"
        ) { (report: PinListReport) in
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

    @Argument(help: "The cache: NAME, or http://HOST:PORT/NAME.")
    var cache: String

    @Argument(help: "What the pin is called.")
    var name: String

    @OptionGroup var administration: AdministrationOptions

    func run() async throws {
        let place = try PinPlace(PushCacheReference(parsing: cache), administration)
        let request = PinReference(cache: place.cache, name: name)
        try await place.administration.order(
            .pins(.remove),
            request,
            about: "pin \(name) in a cache \(place.cache)"
        ) { (_: PinListReport) in
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
