// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import NixFormat
import NixStore
import Push
import UnixSignals

/// `firn watch-store CACHE`.
struct WatchStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch-store",
        abstract: "Send to a cache whatever newly comes into the store, until it is told to stop.",
        discussion: """
            Queues each path that is built, fetched or copied into the store, and sends what is queued, \
            also by firn hook. The queue is on disk, below server.state: what could not be sent is tried \
            again, after a restart too. A watch goes on where the last one ended; the first begins now. \
            Derivations are left out.

            Example:
              firn watch-store http://p620:5000/team --token-file /etc/firn/token

            Exit codes:
              0  told to stop
              1  failed
              2  wrong usage or configuration
              4  the cache refuses this sender, or another Firn sends this queue
              5  the store is not reached
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The cache: NAME, http://HOST:PORT/NAME, or cachix:NAME.",
            valueName: "cache"
        )
    )
    var cache: String

    @Flag(help: "Send only what firn hook queues, and do not watch the store.")
    var queueOnly = false

    @OptionGroup var options: PushOptions

    func run() async throws {
        let cache = try options.cache(parsing: cache)
        try await QueueSession.with(options, cache) { session in
            try await watch(session)
        }
    }

    private func watch(_ session: QueueSession) async throws {
        let watchesStore = !queueOnly
        try await withThrowingTaskGroup(of: Void.self) { group in
            let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
            group.addTask { for await _ in signals { return } }
            group.addTask { try await session.store.run() }
            group.addTask { try await session.sendAll(waitsForOthers: false) }
            if watchesStore {
                group.addTask {
                    let intake = try await ArrivalIntake(
                        session.store,
                        into: session.queue,
                        remembers: true
                    )
                    StandardError.write("watching the store for \(session.cache)")
                    try await session.queueArrivals(intake)
                }
            }
            defer { group.cancelAll() }
            // Nothing but a signal ends without an error.
            try await group.next()
        }
    }
}
