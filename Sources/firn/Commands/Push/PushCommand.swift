// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import NixFormat
import NixStore
import Push

/// `firn push CACHE [PATH…]`.
struct PushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Send paths, and all that they need, to a cache.",
        discussion: """
            Sends what the cache does not have yet, dependencies first, so that nobody who reads from \
            it ever finds a path without what it needs. A push that was interrupted is made again: what \
            had arrived is not sent twice. Each NAR is checked against Nix's database while it is read.

            What --exclude and --max-nar-size keep back also keeps back what refers to it, unless the \
            cache has it already.

            NAME is a cache of this machine's own daemon, asked on its control socket. A cache elsewhere \
            is http://HOST:PORT/NAME, or NAME with --server, with a token that allows push in FIRN_TOKEN \
            or in a file; for cachix:NAME it is in CACHIX_AUTH_TOKEN.

            Example:
              firn push team ./result
              firn push http://p620:5000/team --token-file ~/.config/firn/token ./result

            Exit codes:
              0  all that was to be sent is there, or with --dry-run shown
              1  failed before anything was sent
              2  wrong usage or configuration
              3  some paths were not sent
              4  the cache refuses this sender, or has no room
              5  the cache or the store is not reached
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The cache: NAME, http://HOST:PORT/NAME, or cachix:NAME.",
            valueName: "cache"
        )
    )
    var cache: String

    @Argument(
        help: ArgumentHelp(
            "A store path, something in one, a link to one, or a hash.",
            valueName: "path"
        )
    )
    var paths: [String] = []

    @Flag(help: "Read more paths from standard input, one on each line.")
    var stdin = false

    @Flag(help: "Only show for each path whether it would be sent, and why not.")
    var dryRun = false

    @OptionGroup var options: PushOptions

    @Flag(help: "Print the result as JSON, on one line.")
    var json = false

    func validate() throws {
        guard stdin || !paths.isEmpty else {
            throw ValidationError("name paths to push, or give them on standard input with --stdin")
        }
    }

    func run() async throws {
        let cache = try options.cache(parsing: cache)
        let filter = try options.filter()
        let roots = try (paths + (stdin ? Self.readLines() : [])).map {
            try StorePathReference.hash(of: $0)
        }
        try options.access.checkDaemon(of: cache)
        let store = try options.access.openStore()
        let environment = ProcessInfo.processInfo.environment
        let display = PushDisplay(.ofStandardError(environment), in: store.directory)
        let start = ContinuousClock.now
        let view = try await options.withTarget(cache, store) { target in
            let pusher = Pusher(
                from: store,
                to: target,
                configuration: try options.pusherConfiguration(),
                onEvent: { display.take($0) }
            )
            try await pusher.checkAccess()
            let plan = try await pusher.plan(roots, filter: filter)
            var view = PushView(cache: cache, plan: plan, in: store.directory)
            if !dryRun {
                view.report = await display.showing(plan) { await pusher.push(plan) }
            }
            view.time = ContinuousClock.now - start
            return view
        }
        for line in view.complaints { StandardError.write("firn: \(line)") }
        if json {
            StandardOutput.write(try view.json())
        } else {
            for line in view.lines { StandardOutput.write(line) }
        }
        if let code = view.exitCode { throw code }
    }

    private static func readLines() -> [String] {
        var lines: [String] = []
        while let line = readLine() {
            let text = line.trimmingCharacters(in: .whitespaces)
            if !text.isEmpty { lines.append(text) }
        }
        return lines
    }
}
