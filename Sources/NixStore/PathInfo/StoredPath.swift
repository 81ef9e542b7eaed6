// SPDX-License-Identifier: Apache-2.0
import GRDB
package import NixFormat

/// What is needed to choose among all valid paths, without what each refers to.
package struct StoredPath: Hashable, Sendable {
    /// As ``PathInfo/id``.
    package let id: Int64
    package let path: StorePath
    package let narSizeBytes: UInt64

    package init(id: Int64, path: StorePath, narSizeBytes: UInt64) {
        self.id = id
        self.path = path
        self.narSizeBytes = narSizeBytes
    }
}

extension LocalStore {
    /// For stores that have no quicker way.
    package func storedPaths(
        after id: Int64,
        limit: Int,
        deadline: Duration
    ) async throws -> [StoredPath] {
        try await arrivals(after: id, limit: limit, deadline: deadline).map { info in
            StoredPath(id: info.id, path: info.path, narSizeBytes: info.narSizeBytes)
        }
    }

    package func findPathInfo(narHash: NixHash, deadline: Duration) async throws -> PathInfo? {
        nil
    }
}

extension NixLocalStore {
    package func storedPaths(
        after id: Int64,
        limit: Int,
        deadline: Duration
    ) async throws -> [StoredPath] {
        try await ask(deadline: deadline) { store, expiry in
            let query = PathInfoQuery(directory: store.directory)
            return try store.database.read(until: expiry) {
                try query.storedPaths(after: id, limit: limit, in: $0)
            }
        }
    }

    package func findPathInfo(narHash: NixHash, deadline: Duration) async throws -> PathInfo? {
        let hash = try await ask(deadline: deadline) { store, expiry in
            let query = PathInfoQuery(directory: store.directory)
            return try store.database.read(until: expiry) { try query.path(of: narHash, in: $0) }
        }
        guard let hash else { return nil }
        return try await findPathInfo(hash, deadline: deadline)
    }
}

extension PathInfoQuery {
    func storedPaths(after id: Int64, limit: Int, in database: Database) throws -> [StoredPath] {
        let statement = try database.cachedStatement(
            sql: "SELECT id, path, narSize FROM ValidPaths WHERE id > ? ORDER BY id LIMIT ?"
        )
        return try Row.fetchAll(statement, arguments: [id, limit]).compactMap { row in
            guard let id = Int64.fromDatabaseValue(row[0]),
                let text = String.fromDatabaseValue(row[1]),
                let path = try? directory.storePath(parsing: text)
            else { return nil }
            let size = Int64.fromDatabaseValue(row[2]) ?? 0
            return StoredPath(id: id, path: path, narSizeBytes: UInt64(max(0, size)))
        }
    }

    /// Reads the whole table, since Nix has no index for it.
    func path(of narHash: NixHash, in database: Database) throws -> StorePathHash? {
        let statement = try database.cachedStatement(
            sql: "SELECT path FROM ValidPaths WHERE hash = ? LIMIT 1"
        )
        let text = try String.fetchOne(statement, arguments: [narHash.text(.base16)])
        return text.flatMap { try? directory.storePath(parsing: $0) }?.hash
    }
}
