// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Synchronization

/// Connections to one database, no more than a bound.
///
/// Made when they are needed, and kept. Whoever asks for more than there may be waits; so does who is
/// told by the server that it has none left, for as long as others of this pool may give one back.
final class PostgresPool: Sendable {
    let location: PostgresLocation
    private let library: LibPQ
    private let maximumConnections: Int
    /// How long a caller waits for a connection.
    private let patience: Duration
    private let permits = DispatchSemaphore(value: 0)
    private let state = Mutex(State())
    private let sentCount = Atomic<Int>(0)

    /// How many messages with statements were sent: what is paid for in round trips.
    var statementCount: Int { sentCount.load(ordering: .relaxed) }

    func noteStatement() { sentCount.wrappingAdd(1, ordering: .relaxed) }

    private struct State {
        var idle: [PostgresConnection] = []
        /// Why there was no connection the last time, and until when nobody tries again.
        var trouble: (problem: PostgresProblem, until: ContinuousClock.Instant)?
    }

    /// How long nobody tries again where nobody answered: so that a server that is away is told of at
    /// once, and is not stormed when it comes back.
    private static let pause = Duration.seconds(1)
    /// What an attempt may take, with the library's own limit in it.
    private static let attempt = Duration.seconds(11)

    init(
        _ location: PostgresLocation,
        maximumConnections: Int,
        patience: Duration
    ) throws {
        precondition(maximumConnections > 0, "a pool has connections")
        self.location = location
        self.maximumConnections = maximumConnections
        self.patience = patience
        library = try LibPQ.load()
        // Begun with 0: a semaphore must not end with less than it began with.
        for _ in 0..<maximumConnections { permits.signal() }
    }

    /// Lends a connection; one that is broken afterwards is not lent again.
    ///
    /// - Throws: What the body throws, and `PostgresProblem` where there is no connection.
    func withConnection<Value>(_ body: (PostgresConnection) throws -> Value) throws -> Value {
        let connection = try take()
        defer { give(connection) }
        do {
            return try body(connection)
        } catch let problem as PostgresProblem {
            switch problem {
            case .lost, .undecided:
                // Whatever broke this one broke those as well.
                state.withLock { $0.idle = [] }
            default: break
            }
            throw problem
        }
    }

    private func take() throws(PostgresProblem) -> PostgresConnection {
        let deadline = ContinuousClock.now + patience
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            let wait = DispatchTime.now() + .milliseconds(max(0, Int(left / .milliseconds(1))))
            guard permits.wait(timeout: wait) == .success else {
                throw .busy("all \(maximumConnections) connections of this Firn are in use")
            }
            do throws(PostgresProblem) {
                return try idleOrNew()
            } catch {
                permits.signal()
                guard case .busy = error, ContinuousClock.now < deadline else { throw error }
            }
            // One of ours, or of somebody else's, may come free.
            usleep(50_000)
        }
    }

    private func idleOrNew() throws(PostgresProblem) -> PostgresConnection {
        let known = state.withLock { state -> Result<PostgresConnection, PostgresProblem>? in
            while let connection = state.idle.popLast() {
                if connection.isIdle { return .success(connection) }
            }
            guard let trouble = state.trouble else { return nil }
            guard trouble.until <= .now else { return .failure(trouble.problem) }
            // One looks whether it is over; the others need not wait for that.
            state.trouble?.until = .now + Self.attempt
            return nil
        }
        if let known { return try known.get() }
        do throws(PostgresProblem) {
            let connection = try PostgresConnection(location, library)
            state.withLock { $0.trouble = nil }
            return connection
        } catch {
            let isBusy = if case .busy = error { true } else { false }
            state.withLock { $0.trouble = isBusy ? nil : (error, .now + Self.pause) }
            throw error
        }
    }

    private func give(_ connection: PostgresConnection) {
        if connection.isIdle {
            state.withLock { $0.idle.append(connection) }
        }
        permits.signal()
    }
}
