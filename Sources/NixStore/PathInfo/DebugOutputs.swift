// SPDX-License-Identifier: Apache-2.0
import GRDB
package import NixFormat

extension NixLocalStore {
    package func debugOutputs(limit: Int, deadline: Duration) async throws -> [StorePath] {
        try await ask(deadline: deadline) { store, expiry in
            let query = PathInfoQuery(directory: store.directory)
            return try store.database.read(until: expiry) {
                try query.debugOutputs(limit: limit, in: $0)
            }
        }
    }
}

extension PathInfoQuery {
    /// Reads the whole index of `path`, as no index helps to find an ending.
    func debugOutputs(limit: Int, in database: Database) throws -> [StorePath] {
        let statement = try database.cachedStatement(
            sql: """
                SELECT path FROM ValidPaths WHERE substr(path, -6) = '-debug'
                ORDER BY id DESC LIMIT ?
                """
        )
        return try String.fetchAll(statement, arguments: [limit])
            .compactMap { try? directory.storePath(parsing: $0) }
    }
}
