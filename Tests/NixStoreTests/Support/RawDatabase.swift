// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import GRDB

/// Another program with Nix's database open.
final class RawDatabase: Sendable {
    private let queue: DatabaseQueue

    init(_ path: String) throws {
        var configuration = Configuration()
        // A test holds locks from one call to another.
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    func execute(_ sql: String) throws {
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
    }

    func close() throws { try queue.close() }
}

extension OpenedStore {
    var databasePath: String { nix.databasePath }

    /// Changes Nix's database behind our back.
    func change(_ sql: String) throws {
        let database = try RawDatabase(databasePath)
        try database.execute(sql)
        try database.close()
    }
}
