// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import Foundation
import NixFormat
import NixStore
import Push

/// `firn pin CACHE NAME PATH`.
struct PinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin",
        abstract: "Keep a path in a cache, with all that it needs.",
        discussion: """
            The cache does not collect what a pin is on. A pin of the same name moves to the new path; \
            how many of the former ones stay is said by --keep-revisions. The path has to be in the \
            cache already: push it first. Cachix has no way to list or remove pins but its web page.

            Example:
              firn pin cachix:team release ./result --keep-revisions 3

            Exit codes:
              0  pinned
              1  failed, for instance because the cache does not have the path
              2  wrong usage or configuration
              4  the cache refuses this sender
              5  the cache or the store is not reached
            """
    )

    @Argument(help: ArgumentHelp("The cache: cachix:NAME.", valueName: "cache"))
    var cache: String

    @Argument(help: ArgumentHelp("What the pin is called.", valueName: "name"))
    var name: String

    @Argument(
        help: ArgumentHelp(
            "A store path, something in one, a link to one, or a hash.",
            valueName: "path"
        )
    )
    var path: String

    @Option(help: ArgumentHelp("Keep it for so many days.", valueName: "number"))
    var keepDays: Int?

    @Option(help: ArgumentHelp("Keep the pin's latest paths, so many.", valueName: "number"))
    var keepRevisions: Int?

    @Flag(help: "Keep it for ever, whatever the pin was told before.")
    var keepForever = false

    @OptionGroup var access: CacheAccessOptions

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
        guard !name.isEmpty, name.utf8.count <= 200 else {
            throw ValidationError("a pin has a name of 1 to 200 bytes")
        }
    }

    func run() async throws {
        let cache = try PushCacheReference(parsing: cache)
        let hash = try StorePathReference.hash(of: path)
        let store = try access.openStore()
        guard let info = try await store.findPathInfo(hash, deadline: .seconds(30)) else {
            throw ClosureWalk.NotValid(hash: hash, path: nil)
        }
        try await access.withCachix(cache, store, connections: 1) { target in
            try await target.pin(name, to: info.path, keep: keeping)
        }
        StandardOutput.write("pinned \(store.directory.path(of: info.path)) as \(name) in \(cache)")
    }

    private var keeping: PinKeeping {
        if let keepDays { return .days(keepDays) }
        if let keepRevisions { return .revisions(keepRevisions) }
        return keepForever ? .forever : .unsaid
    }
}
