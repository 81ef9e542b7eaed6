// SPDX-License-Identifier: Apache-2.0
import GRDB
import Glibc
import Synchronization

/// Nix's `db.sqlite`, through as many connections as there are threads asking at a time.
///
/// All calls block. A question is answered from a consistent state or not at all: a database that
/// is missing, locked, damaged or not Nix's is
/// ``LocalStoreError/databaseUnavailable(path:reason:)``.
final class NixDatabase: Sendable {
    let file: DatabaseFile
    private let counters: StoreCounters
    private let idle = Mutex<[DatabaseConnection]>([])

    init(path: String, counters: StoreCounters) {
        DatabaseFile.allowURIs
        file = DatabaseFile(path: path)
        self.counters = counters
    }

    /// Asks the database, again and again while it is locked, until `deadline`.
    ///
    /// - Parameters:
    ///   - deadline: Also ends the wait for a lock.
    ///   - body: One statement, so that its answer is one state; may be called again.
    /// - Returns: What `body` returned.
    /// - Throws: ``LocalStoreError``.
    func read<Value>(
        until deadline: MonotonicInstant,
        _ body: (Database) throws -> Value
    ) throws -> Value {
        var pause: UInt32 = 1_000
        while true {
            do {
                if let value = try attempt(body) { return value }
            } catch let error as DatabaseError where error.meansLocked && !deadline.hasPassed {
                // Goes on below.
            } catch let error as DatabaseError {
                throw unavailable(error.description)
            }
            if deadline.hasPassed { throw unavailable("it changed again and again") }
            usleep(pause)
            pause = min(pause * 2, 50_000)
        }
    }

    /// - Returns: `nil` when the file changed meanwhile, so that the answer counts for nothing.
    private func attempt<Value>(_ body: (Database) throws -> Value) throws -> Value? {
        guard let status = file.status else { throw unavailable(reasonForMissingFile) }
        let connection = try take(status)
        let value: Value
        do {
            value = try connection.read(body)
        } catch let error as DatabaseError {
            if error.meansLocked { giveBack(connection) }
            throw error
        }
        if connection.mode == .immutable {
            guard let after = file.status, connection.isUsable(for: after, file: file) else {
                return nil
            }
        }
        giveBack(connection)
        return .some(value)
    }

    private func take(_ status: FileStatus) throws -> DatabaseConnection {
        while let candidate = idle.withLock({ $0.popLast() }) {
            if candidate.isUsable(for: status, file: file) { return candidate }
            counters.databaseReopens.add(1, ordering: .relaxed)
        }
        return try DatabaseConnection.open(file, status: status)
    }

    private func giveBack(_ connection: DatabaseConnection) {
        idle.withLock { $0.append(connection) }
    }

    private var reasonForMissingFile: String {
        errno == ENOENT ? "no such file" : SystemError(code: errno).text
    }

    private func unavailable(_ reason: String) -> LocalStoreError {
        counters.databaseErrors.add(1, ordering: .relaxed)
        return .databaseUnavailable(path: file.path, reason: reason)
    }
}
