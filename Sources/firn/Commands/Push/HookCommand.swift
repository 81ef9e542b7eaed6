// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import NixFormat
import NixStore
import Push

/// `firn hook CACHE`.
struct HookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hook",
        abstract: "Queue what was just built: Nix's post-build-hook.",
        discussion: """
            Puts the paths in OUT_PATHS (or, where Nix tells none, the outputs of DRV_PATH) into the queue \
            that firn watch-store sends, and never fails a build. --install writes a script for nix.conf that does the same in a few milliseconds, \
            without starting Firn.

            With --wait it sends what is queued, or waits for the firn watch-store that does, and says \
            what is left when the time is over: the last step of a CI job.

            Example:
              firn hook team --install /etc/nix/push-hook
              firn hook team --wait 10m

            Exit codes:
              0  queued, or could not be; with --wait: all that was queued is there
              1  the script cannot be written
              2  wrong usage or configuration
              3  with --wait: something is left
              4  with --wait: the cache refuses this sender
              5  with --wait: the store is not reached
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The cache: NAME, http://HOST:PORT/NAME, or cachix:NAME.",
            valueName: "cache"
        )
    )
    var cache: String

    @Option(help: ArgumentHelp("Write the hook as a script to this file.", valueName: "file"))
    var install: String?

    @Option(
        help: ArgumentHelp("Wait until the queue is sent, at most so long.", valueName: "time")
    )
    var wait: String?

    @OptionGroup var options: PushOptions

    func validate() throws {
        if let wait { _ = try WaitTime.parse(wait) }
        guard install == nil || wait == nil else {
            throw ValidationError("--install and --wait do not go together")
        }
    }

    func run() async throws {
        let cache = try options.cache(parsing: cache)
        let outputs = Self.built(ProcessInfo.processInfo.environment)
        if let install {
            let queue = try PushQueue(
                state: options.access.configuration().server.state,
                cache: cache.queueName
            )
            return try HookScript(queue: queue).install(at: install)
        }
        guard outputs != nil || wait != nil else {
            throw ValidationError(
                "neither OUT_PATHS nor DRV_PATH is set: Nix calls this after a build"
            )
        }
        if let outputs { add(outputs, cache) }
        guard let wait else { return }
        try await send(cache, try WaitTime.parse(wait))
    }

    /// What Nix says that it has built; `nil` when it was not Nix who called.
    private static func built(_ environment: [String: String]) -> String? {
        guard let outputs = environment["OUT_PATHS"], !outputs.isEmpty else {
            return environment["DRV_PATH"]
        }
        return outputs
    }

    /// Says what is wrong, and lets the build go on.
    private func add(_ outputs: String, _ cache: PushCacheReference) {
        do {
            let queue = try PushQueue(
                state: options.access.configuration().server.state,
                cache: cache.queueName
            )
            for output in outputs.split(whereSeparator: \.isWhitespace) {
                let name = output.split(separator: "/").last ?? ""
                guard let path = try? StorePath(parsing: name) else {
                    StandardError.write("firn: \(Printable.line("\(output)")) is no store path")
                    continue
                }
                try queue.add(path)
            }
        } catch {
            StandardError.write("firn: not queued for \(cache): \(error)")
        }
    }

    private func send(_ cache: PushCacheReference, _ limit: Duration) async throws {
        let end = ContinuousClock.now + limit
        try await QueueSession.with(options, cache) { session in
            let wanted = Set(try session.queue.entries())
            let left = try await withThrowingTaskGroup(of: [StorePath]?.self) { group in
                group.addTask {
                    try await session.sendAll(waitsForOthers: true)
                    return nil
                }
                group.addTask { try await session.waitForEmptiness(wanted, until: end) }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            guard let left, !left.isEmpty else { return }
            let paths = left.map { session.store.directory.path(of: $0) }
            throw QueueLeftOver(cache: cache, paths: paths)
        }
    }
}
