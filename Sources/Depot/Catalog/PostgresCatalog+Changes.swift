// SPDX-License-Identifier: Apache-2.0
package import NixFormat

extension PostgresCatalog {
    package func insertArriving(
        _ objects: [ObjectInfo],
        usedAt: Int64,
        isClosed: Bool
    ) throws -> [Int64] {
        guard !objects.isEmpty else { return [] }
        let names = objects.map { "\($0.key)" }
        precondition(Set(names).count == names.count, "a key arrives once at a time")
        return try change { transaction in
            // Members outlive an object that was damaged and comes again.
            let rows = try transaction.run(
                """
                INSERT INTO firn.object (name, size_bytes, file_hash, state, used_at, is_closed, held)
                SELECT name, size_bytes, file_hash, 1, $4::bigint, $5::boolean,
                    (SELECT count(*) FROM firn.member WHERE object_name = name)
                FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS a (name, size_bytes, file_hash)
                ORDER BY name COLLATE "C"
                ON CONFLICT (name) DO UPDATE SET
                    id = excluded.id, size_bytes = excluded.size_bytes, file_hash = excluded.file_hash,
                    state = excluded.state, used_at = excluded.used_at, narinfo_size_bytes = 0,
                    held = excluded.held, is_closed = excluded.is_closed
                RETURNING name, id
                """,
                .texts(names),
                .integers(objects.map { Int64(clamping: $0.sizeBytes) }),
                .optionalBytes(objects.map(\.fileHash.digest)),
                .integer(usedAt),
                .boolean(isClosed)
            ).rows
            var ids: [String: Int64] = [:]
            for row in rows { ids[try row.text(0)] = try row.integer(1) }
            return try names.map { name in
                guard let id = ids[name] else { throw PostgresProblem.unreadable(name) }
                return id
            }
        }
    }

    package func markOpen(_ id: Int64) throws -> Bool {
        try change { transaction in
            try transaction.run(
                "UPDATE firn.object SET is_closed = false WHERE id = $1 AND state = 0",
                .integer(id)
            ).changedCount == 1
        }
    }

    package func markPresent(_ id: Int64, deleting gone: Set<Int64>) throws {
        try change { transaction in
            try transaction.run(
                "UPDATE firn.object SET state = 0 WHERE id = $1 AND state <> 0",
                .integer(id)
            )
            try Self.delete(gone, transaction)
        }
    }

    package func markDeparting(_ id: Int64, evenIfHeld: Bool) throws -> CatalogEntry? {
        try change { transaction in
            let rows = try transaction.run(
                """
                UPDATE firn.object SET state = 2
                WHERE id = $1 AND state = 0 AND (held = 0 OR $2::boolean) RETURNING \(Self.columns)
                """,
                .integer(id),
                .boolean(evenIfHeld)
            ).rows
            guard let row = rows.first else { return nil }
            let entry = try Self.entry(row)
            return CatalogEntry(id: entry.id, state: .present, record: entry.record)
        }
    }

    package func delete(_ ids: Set<Int64>) throws {
        guard !ids.isEmpty else { return }
        try change { try Self.delete(ids, $0) }
    }

    package func setNARInfoSize(
        _ sizeBytes: UInt64,
        of id: Int64?,
        among storeHash: StorePathHash
    ) throws -> UInt64 {
        // All keys of a path, and no others, lie between these two texts.
        let (first, last) = (
            PostgresValue.text("\(storeHash)-"), PostgresValue.text("\(storeHash).")
        )
        return try change { transaction in
            let rows = try transaction.run(
                """
                SELECT state, narinfo_size_bytes FROM firn.object WHERE name > $1 AND name < $2
                ORDER BY name FOR UPDATE
                """,
                first,
                last
            ).rows
            try transaction.run(
                """
                UPDATE firn.object
                SET narinfo_size_bytes = CASE id WHEN $3::bigint THEN $4::bigint ELSE 0 END
                WHERE name > $1 AND name < $2
                """,
                first,
                last,
                id.map { .integer($0) } ?? .null,
                PostgresValue(sizeBytes)
            )
            return try rows.reduce(0) { sum, row in
                guard try row.integer(0) == 0 else { return sum }
                return sum + DiskBlocks.bytes(try row.size(1))
            }
        }
    }

    package func setFileHash(_ hash: NixHash, of id: Int64) throws {
        try change { transaction in
            try transaction.run(
                "UPDATE firn.object SET file_hash = $1::bytea WHERE id = $2",
                .bytes(hash.digest),
                .integer(id)
            )
        }
    }

    package func setUses(_ uses: [Int64: Int64]) throws {
        try noteUses(uses, in: "firn.object")
    }

    /// A use that is older than what is known changes nothing: whoever notes it may be late.
    func noteUses(_ uses: [Int64: Int64], in table: String) throws {
        guard !uses.isEmpty else { return }
        let sorted = uses.sorted { $0.key < $1.key }
        try change { transaction in
            try transaction.run(
                """
                UPDATE \(table) t SET used_at = u.used_at
                FROM unnest($1::bigint[], $2::bigint[]) AS u (id, used_at)
                WHERE t.id = u.id AND t.used_at < u.used_at
                """,
                .integers(sorted.map(\.key)),
                .integers(sorted.map(\.value))
            )
        }
    }

    package func rebuild(_ scan: ((CatalogRecord) throws -> Void) throws -> Void) throws {
        try translatingErrors {
            try pool.change(holding: .schema, pace: .long, again: .never) { transaction in
                try transaction.run("DELETE FROM firn.object")
                var waiting: [CatalogRecord] = []
                try scan { record in
                    waiting.append(record)
                    guard waiting.count >= Self.insertedTogether else { return }
                    try Self.insert(waiting, transaction)
                    waiting = []
                }
                try Self.insert(waiting, transaction)
                // What lay beside no narinfo of the merged view was never shown there, or is not
                // missed.
                try transaction.run(
                    """
                    UPDATE firn.object o SET held = m.count, is_closed = (o.narinfo_size_bytes = 0)
                    FROM (
                        SELECT object_name, count(*) AS count FROM firn.member GROUP BY object_name
                    ) m
                    WHERE o.name = m.object_name
                    """
                )
                try transaction.run("UPDATE firn.catalog SET is_complete = true")
            }
        }
    }

    private static let insertedTogether = 1000

    private static func insert(
        _ records: [CatalogRecord],
        _ transaction: PostgresTransaction
    ) throws {
        guard !records.isEmpty else { return }
        try transaction.run(
            """
            INSERT INTO firn.object (name, size_bytes, file_hash, state, used_at, narinfo_size_bytes)
            SELECT name, size_bytes, file_hash, 0, used_at, narinfo_size_bytes
            FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[])
                AS a (name, size_bytes, file_hash, used_at, narinfo_size_bytes)
            """,
            .texts(records.map { "\($0.key)" }),
            .integers(records.map { Int64(clamping: $0.sizeBytes) }),
            .optionalBytes(records.map { $0.fileHash?.digest }),
            .integers(records.map(\.usedAt)),
            .integers(records.map { Int64(clamping: $0.narInfoSizeBytes) })
        )
    }

    private static func delete(_ ids: Set<Int64>, _ transaction: PostgresTransaction) throws {
        guard !ids.isEmpty else { return }
        try transaction.run(
            "DELETE FROM firn.object WHERE id = ANY ($1::bigint[])",
            .integers(ids.sorted())
        )
    }
}
