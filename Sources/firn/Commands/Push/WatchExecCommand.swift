// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Glibc
import NixFormat
import NixStore
import Push
import Synchronization
import UnixSignals

/// `firn watch-exec CACHE -- COMMAND…`.
struct WatchExecCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch-exec",
        abstract: "Run a command, and send to a cache what comes into the store meanwhile.",
        discussion: """
            Paths are sent while the command runs and after it, and only then this ends, with the \
            command's exit code. --wait bounds the time after the command; what was not sent by then is \
            named, and stays in the queue for firn watch-store.

            Example:
              firn watch-exec team -- nix-build release.nix

            The command's own exit code, 128 and the signal's number if one ended it, wins over those \
            below but 0.

            Exit codes:
              0  the command succeeded, and all was sent
              1  the command cannot be started
              2  wrong usage or configuration
              3  the command succeeded, but not all was sent in time
              4  the command succeeded, but the cache refuses this sender
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

    @Option(
        help: ArgumentHelp("How long to go on sending after the command.", valueName: "time")
    )
    var wait = "10m"

    @OptionGroup var options: PushOptions

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("What to run, after --.", valueName: "command")
    )
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else {
            throw ValidationError("name a command to run, after --")
        }
        _ = try WaitTime.parse(wait)
    }

    func run() async throws {
        let cache = try options.cache(parsing: cache)
        let limit = try WaitTime.parse(wait)
        let code = try await QueueSession.with(options, cache) { session in
            try await execute(session, limit)
        }
        if code != 0 { throw ExitCode(code) }
    }

    private func execute(_ session: QueueSession, _ limit: Duration) async throws -> Int32 {
        let intake = try await ArrivalIntake(session.store, into: session.queue, remembers: false)
        let own = Mutex<Set<StorePath>>([])
        let child = try ChildProcess.start(command)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            let signals = await UnixSignalsSequence(trapping: .sigterm)
            group.addTask {
                for await _ in signals where !child.send(SIGTERM) {
                    _exit(128 + SIGTERM)
                }
            }
            let refusal = Mutex<PushTargetError?>(nil)
            group.addTask {
                do {
                    try await session.sendAll(waitsForOthers: true)
                } catch let error as PushTargetError {
                    // The command goes on all the same.
                    refusal.withLock { $0 = error }
                }
            }
            let watch = ArrivalWatching(intake)
            let code = try await watch.run(session, own) { await child.exitCode() }
            let end = ContinuousClock.now + limit
            while true {
                if let error = refusal.withLock({ $0 }) {
                    StandardError.write("firn: \(Printable.line("\(error)"))")
                    return code == 0 ? ExitCode.refused.rawValue : code
                }
                let step = min(end, .now + .milliseconds(500))
                let left = try await session.waitForEmptiness(own.withLock { $0 }, until: step)
                if left.isEmpty { return code }
                guard ContinuousClock.now < end else {
                    let paths = left.map { session.store.directory.path(of: $0) }
                    let message = QueueLeftOver(cache: session.cache, paths: paths)
                    StandardError.write("firn: \(message)")
                    return code == 0 ? ExitCode.someFailed.rawValue : code
                }
            }
        }
    }
}

/// Looks for arrivals for the time of a body, and once more after it.
private final class ArrivalWatching {
    private var intake: ArrivalIntake

    init(_ intake: ArrivalIntake) {
        self.intake = intake
    }

    func run(
        _ session: QueueSession,
        _ own: borrowing Mutex<Set<StorePath>>,
        _ body: @escaping @Sendable () async -> Int32
    ) async throws -> Int32 {
        let done = DoneFlag()
        async let code = {
            let code = await body()
            done.set()
            return code
        }()
        while true {
            // Looked at before the arrivals, so that the last look comes after the end.
            let isLast = done.isSet
            do {
                let taken = try await intake.take()
                own.withLock { $0.formUnion(taken) }
                if isLast { return await code }
            } catch let error as LocalStoreError {
                StandardError.write("firn: \(error)")
            }
            if !isLast { try await Task.sleep(for: .milliseconds(200)) }
        }
    }
}

private final class DoneFlag: Sendable {
    private let state = Mutex(false)

    var isSet: Bool { state.withLock { $0 } }

    func set() { state.withLock { $0 = true } }
}

/// A length of time on the command line.
enum WaitTime {
    static func parse(_ text: String) throws -> Duration {
        do throws(TimeSpan.ParseError) {
            return try TimeSpan(parsing: text).duration
        } catch {
            throw ValidationError("--wait takes a time such as \"10m\", not \"\(text)\"")
        }
    }
}
