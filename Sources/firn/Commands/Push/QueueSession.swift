// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import NixFormat
import NixStore
import Push

/// A queue, and all that it takes to send it.
struct QueueSession: Sendable {
    let cache: PushCacheReference
    let queue: PushQueue
    let store: NixLocalStore
    let pusher: Pusher
    let filter: PushFilter

    /// How often the queue and the store are looked at.
    private static let interval = Duration.milliseconds(200)

    /// Opens one for the time of the body.
    static func with<Value>(
        _ options: PushOptions,
        _ cache: PushCacheReference,
        _ body: (QueueSession) async throws -> Value
    ) async throws -> Value {
        let state = try options.access.configuration().server.state
        let queue = try PushQueue(state: state, cache: cache.queueName)
        let store = try options.access.openStore()
        let display = PushDisplay(.lines, in: store.directory)
        return try await options.withTarget(cache, store) { target in
            let pusher = Pusher(
                from: store,
                to: target,
                configuration: try options.pusherConfiguration(),
                onEvent: { display.take($0) }
            )
            let session = QueueSession(
                cache: cache,
                queue: queue,
                store: store,
                pusher: pusher,
                filter: try options.filter()
            )
            return try await body(session)
        }
    }

    /// Sends what is queued, and what comes to be queued, until it is cancelled.
    ///
    /// - Parameter waits: Whether to wait while another process sends, for as long as that does.
    /// - Throws: ``QueueTaken``, or what makes it useless to go on.
    func sendAll(waitsForOthers waits: Bool) async throws {
        guard let lock = try await takeLock(waits) else { return }
        defer { withExtendedLifetime(lock) {} }
        let directory = store.directory
        var worker = PushWorker(queue, store: store, pusher: pusher, filter: filter) { path in
            StandardError.write("\(directory.path(of: path)): not in the store any more; dropped")
        }
        while !Task.isCancelled {
            do {
                switch try await worker.round() {
                case .idle: try await Task.sleep(for: Self.interval)
                case .dropped: break
                case .sent(let report): try tell(report)
                }
            } catch let error as PushTargetError {
                if case .refused = error { throw error }
                StandardError.write("firn: \(Printable.line("\(error)")); it stays in the queue")
            } catch let error as LocalStoreError {
                StandardError.write("firn: \(error)")
                try await Task.sleep(for: .seconds(5))
            }
        }
    }

    /// Queues what newly comes into the store, until it is cancelled.
    func queueArrivals(
        _ intake: ArrivalIntake,
        onTaken: ([StorePath]) -> Void = { _ in }
    ) async throws {
        var intake = intake
        while !Task.isCancelled {
            do {
                onTaken(try await intake.take())
            } catch let error as LocalStoreError {
                // A build may hold the database for long; what came meanwhile comes then.
                StandardError.write("firn: \(error)")
            }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// Waits until none of these is queued any more.
    ///
    /// - Returns: Those that still are when the time is over.
    func waitForEmptiness(
        _ paths: Set<StorePath>,
        until end: ContinuousClock.Instant
    ) async throws -> [StorePath] {
        while true {
            let left = try queue.entries().filter { paths.contains($0) }
            guard !left.isEmpty, ContinuousClock.now < end else { return left }
            try await Task.sleep(for: Self.interval)
        }
    }

    private func takeLock(_ waits: Bool) async throws -> QueueLock? {
        var hasSaid = false
        while !Task.isCancelled {
            if let lock = try QueueLock.take(queue) { return lock }
            guard waits else { throw QueueTaken(directory: queue.directory) }
            if !hasSaid {
                StandardError.write("another Firn sends to \(cache); waiting for it")
                hasSaid = true
            }
            try await Task.sleep(for: Self.interval)
        }
        return nil
    }

    private func tell(_ report: PushReport) throws {
        for result in report.results {
            let path = store.directory.path(of: result.info.path)
            switch result.outcome {
            case .failed(let reason):
                let line = Printable.line("\(path): \(reason)")
                StandardError.write("firn: \(line); it stays in the queue")
            case .refersTo, .sent, .proved, .collected, .notSent: continue
            }
        }
        switch report.stop {
        case .refused(let reason): throw PushTargetError.refused(reason: reason)
        case .unreachable(let reason):
            StandardError.write("firn: \(Printable.line(reason)); what is left stays in the queue")
        case nil: break
        }
    }
}

/// A second sender of the same queue.
struct QueueTaken: Error, CustomStringConvertible {
    let directory: String

    var description: String { "\(directory): another Firn sends this queue already" }
}

/// What a command that waited has to say at the end of its time.
struct QueueLeftOver: Error, CustomStringConvertible {
    let cache: PushCacheReference
    let paths: [String]

    var description: String {
        let shown = paths.prefix(20).joined(separator: " ")
        let more = paths.count > 20 ? " and \(paths.count - 20) more" : ""
        return "\(paths.count) paths were not pushed to \(cache) in time and stay queued:"
            + " \(shown)\(more)"
    }
}
