// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A path whose NAR the depot keeps for everybody.
package struct KeptPath: Hashable, Sendable {
    package let path: StorePath
    /// Of its object.
    package let key: ObjectKey
    package let narSizeBytes: UInt64
    /// Larger for what came later.
    package let id: Int64
}

extension NARDepot {
    /// Whether the bytes of objects lie on this machine, so that reading one moves nothing.
    package var isOnThisMachine: Bool { localRoom == nil }

    /// What is kept for everybody, in the order of the text of the keys; reads a narinfo for each.
    ///
    /// - Parameters:
    ///   - after: Where the last page ended; `nil` starts at the beginning.
    ///   - limit: How many objects are looked at.
    /// - Returns: Those of them that a narinfo names, and where the page ended: `nil` at the end of
    ///   all.
    /// - Throws: `DepotError.catalogUnavailable(_:)`, or the failure of a file.
    package func keptPaths(
        after: ObjectKey?,
        limit: Int
    ) throws -> (paths: [KeptPath], end: ObjectKey?) {
        let entries = try catalog.list(after: after, limit: limit)
        let paths = try entries.compactMap { try keptPath($0) }
        return (paths, entries.count < limit ? nil : entries.last?.key)
    }

    /// The same of objects that came lately, as ``DepotChanges/arrivals(since:)`` has them.
    package func keptPaths(of keys: [ObjectKey]) throws -> [KeptPath] {
        try keys.compactMap { key in try catalog.find(key).flatMap { try keptPath($0) } }
    }

    private func keptPath(_ entry: CatalogEntry) throws -> KeptPath? {
        guard !entry.record.isClosed, entry.record.narInfoSizeBytes > 0,
            let text = try objects.read(.narInfo(entry.key.storeHash)),
            let narInfo = parse(text), narInfo.objectKey == entry.key
        else { return nil }
        return KeptPath(
            path: narInfo.storePath,
            key: entry.key,
            narSizeBytes: narInfo.narSizeBytes,
            id: entry.id
        )
    }
}
