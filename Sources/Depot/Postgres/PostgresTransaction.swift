// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What a body of statements runs in: all of it or nothing.
struct PostgresTransaction {
    fileprivate let connection: PostgresConnection
    fileprivate let pool: PostgresPool
    fileprivate let limit: Duration

    @discardableResult
    func run(
        _ statement: String,
        _ values: PostgresValue...
    ) throws(PostgresProblem) -> PostgresAnswer {
        pool.noteStatement()
        return try connection.run(statement, values, until: .now + limit)
    }

    @discardableResult
    func run(script: String) throws(PostgresProblem) -> PostgresAnswer {
        pool.noteStatement()
        return try connection.run(script: script, until: .now + limit)
    }
}

/// What keeps others out until a transaction ends; the number is the second half of an advisory lock's.
struct PostgresLock {
    let number: Int32

    /// Changes of the tables themselves.
    static let schema = PostgresLock(number: 0)

    /// What is in a cache, and what its paths refer to; two names may share a lock.
    static func members(of cache: String) -> PostgresLock {
        // FNV-1a.
        let hash = cache.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return PostgresLock(number: Int32(bitPattern: hash | 1))
    }

    /// The first half is "Firn".
    fileprivate var statement: String { "SELECT pg_advisory_xact_lock(\(0x4669_726E), \(number));" }
}

/// When the body of a change is run again.
enum PostgresRepetition {
    /// It does more than change rows.
    case never
    /// Where nothing of it was made.
    case whereUndone
    /// Also where that is not known: made twice, it is as if it was made once.
    case always
}

/// What a change leaves with all else that it changes, so that afterwards it can be seen whether it was
/// made: a row for each connection, with the number of its last change.
///
/// Numbers of transactions do not tell that: those that a crash has forgotten are given to others.
struct PostgresMarkOfChange {
    private let connection: String
    let number: Int64

    init(_ connection: PostgresConnection) {
        self.connection = connection.identity
        number = connection.nextChange()
    }

    /// Part of the change.
    fileprivate var statement: String { note(number, "excluded.number") }

    /// Tells the number of the last change that was made; waits for one that is just ending.
    fileprivate var question: String { note(0, "session.number") + " RETURNING number" }

    private func note(_ number: Int64, _ kept: String) -> String {
        """
        INSERT INTO firn.session (id, number, used_at) VALUES ('\(connection)', \(number), now())
        ON CONFLICT (id) DO UPDATE SET number = \(kept), used_at = now()
        """
    }
}

/// How long a transaction's statements may take.
enum PostgresPace {
    case usual
    /// What goes through whole tables, at a start.
    case long

    fileprivate var seconds: Int { self == .usual ? 30 : 1800 }
    /// The server gives up first: then it is known what became of the statement.
    fileprivate var limit: Duration { .seconds(seconds + 5) }
}

extension PostgresPool {
    /// Reads by one statement; another connection is tried where one is broken.
    func query(
        _ statement: String,
        _ values: PostgresValue...,
        pace: PostgresPace = .usual
    ) throws -> [PostgresRow] {
        try repeating { _ in
            try withConnection { connection in
                noteStatement()
                return try connection.run(statement, values, until: .now + pace.limit).rows
            }
        }
    }

    /// Reads by several statements that all see the same moment.
    func snapshot<Value>(_ body: (PostgresTransaction) throws -> Value) throws -> Value {
        try repeating { _ in
            let begin = { (_: PostgresConnection) in
                Self.beginning("REPEATABLE READ READ ONLY", .usual)
            }
            return try transact(
                begin,
                .usual,
                body,
                end: { transaction, _ in
                    _ = try transaction.run(script: "COMMIT")
                }
            )
        }
    }

    /// Changes something; on the disk when it returns.
    ///
    /// The body may be run again, after what it did was undone. Where the connection breaks at the very
    /// end, the server is asked afterwards what became of it.
    ///
    /// - Throws: Also `PostgresProblem.undecided(_:)`: perhaps all of it was changed.
    @discardableResult
    func change<Value>(
        holding lock: PostgresLock? = nil,
        pace: PostgresPace = .usual,
        again: PostgresRepetition = .whereUndone,
        _ body: (PostgresTransaction) throws -> Value
    ) throws -> Value {
        try repeating(again == .never ? 1 : 6) { _ in
            var value: Value?
            var mark: PostgresMarkOfChange?
            do {
                let begin = { (connection: PostgresConnection) in
                    var script = Self.beginning("READ COMMITTED READ WRITE", pace)
                    if let lock { script += lock.statement }
                    guard again != .always else { return script }
                    let own = PostgresMarkOfChange(connection)
                    mark = own
                    return script + own.statement
                }
                try transact(begin, pace) { transaction in
                    value = try body(transaction)
                } end: { transaction, isDecided in
                    isDecided = false
                    let answer = try transaction.run(script: "COMMIT")
                    isDecided = true
                    guard answer.tag == "COMMIT" else {
                        throw PostgresProblem.failed(code: "40000", "the change was undone")
                    }
                }
            } catch let problem as PostgresProblem {
                guard case .undecided(let reason) = problem else { throw problem }
                guard let mark, try wasCommitted(mark, reason) else {
                    throw PostgresProblem.lost(reason)
                }
            }
            guard let value else { throw PostgresProblem.lost("nothing came of it") }
            return value
        }
    }

    // MARK: Steps

    private static func beginning(_ mode: String, _ pace: PostgresPace) -> String {
        """
        BEGIN ISOLATION LEVEL \(mode);
        SET LOCAL statement_timeout = \(pace.seconds * 1000);
        SET LOCAL lock_timeout = \(pace.seconds * 500);

        """
    }

    /// `end` says whether it is known what became of the transaction, as far as it has come.
    private func transact<Value>(
        _ begin: (PostgresConnection) -> String,
        _ pace: PostgresPace,
        _ body: (PostgresTransaction) throws -> Value,
        end: (PostgresTransaction, inout Bool) throws -> Void
    ) throws -> Value {
        try withConnection { connection in
            let transaction = PostgresTransaction(
                connection: connection,
                pool: self,
                limit: pace.limit
            )
            var isDecided = true
            do {
                try transaction.run(script: begin(connection))
                let value = try body(transaction)
                try end(transaction, &isDecided)
                return value
            } catch {
                if isDecided { rollBack(transaction) }
                guard let problem = error as? PostgresProblem else { throw error }
                switch problem {
                case .lost, .timedOut:
                    throw isDecided ? problem : PostgresProblem.undecided("\(problem)")
                default: throw problem
                }
            }
        }
    }

    /// Without it the connection is given up, which undoes the transaction as well.
    private func rollBack(_ transaction: PostgresTransaction) {
        guard transaction.connection.isWhole else { return }
        _ = try? transaction.run(script: "ROLLBACK")
    }

    private func repeating<Value>(
        _ times: Int = 6,
        _ body: (Int) throws -> Value
    ) throws -> Value {
        var turn = 1
        while true {
            do {
                return try body(turn)
            } catch let problem as PostgresProblem where problem.isPassing && turn < times {
                // Two that were in each other's way should not meet again.
                usleep(UInt32.random(in: 0...10_000) * UInt32(turn))
                turn += 1
            }
        }
    }

    /// Whether a change was made whose end was not heard of; waits for it where it is still ending.
    private func wasCommitted(_ mark: PostgresMarkOfChange, _ reason: String) throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(15)
        while ContinuousClock.now < deadline {
            do {
                return try query(mark.question).first?.integer(0) == mark.number
            } catch PostgresProblem.unreachable, PostgresProblem.lost, PostgresProblem.busy {
                usleep(100_000)
            }
        }
        throw PostgresProblem.undecided(reason)
    }
}
