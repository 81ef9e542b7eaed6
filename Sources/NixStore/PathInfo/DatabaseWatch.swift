// SPDX-License-Identifier: Apache-2.0
import GRDB

/// Notices that Nix's database may have changed.
///
/// For one thread.
struct DatabaseWatch {
    private struct Sight: Equatable {
        let file: FileStatus?
        let log: FileStatus?
        /// SQLite's count of what other connections have committed, as this connection sees it.
        let dataVersion: Int64?
    }

    private let file: DatabaseFile
    private var connection: DatabaseConnection?
    private var last: Sight?

    init(_ file: DatabaseFile) {
        self.file = file
    }

    /// Whether something may have changed since the last call; `true` the first time.
    mutating func look() -> Bool {
        let sight = Sight(file: file.status, log: file.log, dataVersion: dataVersion())
        defer { last = sight }
        return sight != last
    }

    /// - Returns: `nil` when it cannot be asked: a change on the way in and on the way out.
    private mutating func dataVersion() -> Int64? {
        guard let status = file.status else {
            connection = nil
            return nil
        }
        if let connection, !connection.isUsable(for: status, file: file) { self.connection = nil }
        do {
            let connection = try self.connection ?? DatabaseConnection.open(file, status: status)
            self.connection = connection
            guard connection.mode == .shared else { return 0 }
            return try connection.read { try Int64.fetchOne($0, sql: "PRAGMA data_version") }
        } catch {
            connection = nil
            return nil
        }
    }
}
