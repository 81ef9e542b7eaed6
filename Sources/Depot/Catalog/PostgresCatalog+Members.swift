// SPDX-License-Identifier: Apache-2.0
package import Caches
import Foundation
package import NixFormat

extension PostgresCatalog {
    package func admit(
        _ candidates: [MemberCandidate],
        to cache: CacheName
    ) throws -> [Admission] {
        guard !candidates.isEmpty else { return [] }
        return try change(holding: .members(of: "\(cache)")) { transaction in
            guard try Self.exists(cache, transaction) else {
                return candidates.map { _ in .cacheGone }
            }
            var admitting = try MemberAdmission(candidates, to: cache, transaction)
            return try admitting.run()
        }
    }

    package func markMembersPresent(_ narInfoSizesBytes: [Int64: UInt64]) throws {
        guard !narInfoSizesBytes.isEmpty else { return }
        let sorted = narInfoSizesBytes.sorted { $0.key < $1.key }
        try change { transaction in
            try transaction.run(
                """
                UPDATE firn.member m SET state = 0, narinfo_size_bytes = a.size_bytes
                FROM unnest($1::bigint[], $2::bigint[]) AS a (id, size_bytes) WHERE m.id = a.id
                """,
                .integers(sorted.map(\.key)),
                .integers(sorted.map { Int64(clamping: $0.value) })
            )
        }
    }

    package func markDeparting(
        _ ids: [Int64],
        in cache: CacheName,
        usedBefore: Int64,
        keeping kept: Set<StorePathHash>
    ) throws -> [MemberEntry] {
        guard !ids.isEmpty else { return [] }
        return try change(holding: .members(of: "\(cache)")) { transaction in
            let now = Int64(Date().timeIntervalSince1970)
            let pinned = try Self.pins(of: cache, transaction).flatMap { $0.kept(at: now) }
            let staying = kept.union(pinned.map(\.path.hash))
            return try transaction.run(
                """
                SELECT \(Self.memberColumns) FROM
                    firn.depart($1::bigint[], $2::text, $3::bigint, $4::text[])
                """,
                .integers(ids),
                .text("\(cache)"),
                .integer(usedBefore),
                .texts(staying.map { "\($0)" })
            ).rows.map { row in
                let entry = try Self.memberEntry(row)
                return MemberEntry(
                    id: entry.id,
                    cache: cache,
                    state: .present,
                    record: entry.record
                )
            }
        }
    }

    package func markDeparting(
        _ hashes: Set<StorePathHash>,
        in cache: CacheName,
        _ options: MemberDeparture.Options
    ) throws -> MemberDeparture {
        let plan = { (transaction: PostgresTransaction) throws in
            let now = Int64(Date().timeIntervalSince1970)
            return try MemberDeparture(
                of: hashes,
                options,
                pins: Self.pins(of: cache, transaction).map { pin in
                    (pin.name, Set(pin.kept(at: now).map(\.path.hash)))
                },
                find: { try Self.member($0, cache, transaction) },
                referrers: { try Self.referrers($0, cache, transaction) }
            )
        }
        guard !options.contains(.planOnly) else {
            return try translatingErrors { try pool.snapshot(plan) }
        }
        return try change(holding: .members(of: "\(cache)")) { transaction in
            let departure = try plan(transaction)
            guard departure.isPossible else { return departure }
            try transaction.run(
                "UPDATE firn.member SET state = 2 WHERE id = ANY ($1::bigint[])",
                .integers(departure.leaving.map(\.id))
            )
            return departure
        }
    }

    package func deleteMembers(_ ids: Set<Int64>) throws -> [CatalogEntry] {
        guard !ids.isEmpty else { return [] }
        return try change { try Self.deleteMembers(ids, $0) }
    }

    package func deleteMembers(
        of cache: CacheName,
        limit: Int
    ) throws -> (objects: [CatalogEntry], textBlockBytes: UInt64)? {
        let name = PostgresValue.text("\(cache)")
        return try change(holding: .members(of: "\(cache)")) { transaction in
            let rows = try transaction.run(
                "SELECT id, narinfo_size_bytes FROM firn.member WHERE cache = $1 LIMIT $2",
                name,
                .integer(Int64(limit))
            ).rows
            let objects = try Self.deleteMembers(
                Set(rows.map { try $0.integer(0) }),
                transaction
            )
            let extras = try transaction.run(
                """
                DELETE FROM firn.cache_extra WHERE cache = $1 AND name IN (
                    SELECT name FROM firn.cache_extra WHERE cache = $1 LIMIT $2
                ) RETURNING name, size_bytes
                """,
                name,
                .integer(Int64(limit))
            ).rows
            guard !rows.isEmpty || !extras.isEmpty else { return nil }
            let texts = try (rows + extras).reduce(UInt64(0)) {
                $0 + DiskBlocks.bytes(try $1.size(1))
            }
            return (objects, texts)
        }
    }

    package func setMemberUses(_ uses: [Int64: Int64]) throws {
        try noteUses(uses, in: "firn.member")
    }

    package func setExtra(
        _ extra: CacheExtra,
        of cache: CacheName,
        sizeBytes: UInt64?,
        usedAt: Int64
    ) throws -> UInt64 {
        let (cache, name) = (PostgresValue.text("\(cache)"), PostgresValue.text("\(extra)"))
        return try change { transaction in
            let before = try transaction.run(
                """
                SELECT size_bytes FROM firn.cache_extra WHERE cache = $1 AND name = $2 FOR UPDATE
                """,
                cache,
                name
            ).rows.first?.size(0)
            if let sizeBytes {
                try transaction.run(
                    """
                    INSERT INTO firn.cache_extra (cache, name, size_bytes, used_at)
                    VALUES ($1, $2, $3, $4)
                    ON CONFLICT (cache, name) DO UPDATE SET
                        size_bytes = excluded.size_bytes, used_at = excluded.used_at
                    """,
                    cache,
                    name,
                    PostgresValue(sizeBytes),
                    .integer(usedAt)
                )
            } else if before != nil {
                try transaction.run(
                    "DELETE FROM firn.cache_extra WHERE cache = $1 AND name = $2",
                    cache,
                    name
                )
            }
            return before ?? 0
        }
    }

    package func restore(_ members: [MemberRecord], of cache: CacheName) throws {
        guard !members.isEmpty else { return }
        try change(holding: .members(of: "\(cache)")) { transaction in
            var rest = members[...]
            while !rest.isEmpty {
                _ = try Self.insert(Array(rest.prefix(1000)), to: cache, .present, transaction)
                rest = rest.dropFirst(1000)
            }
        }
    }

    package func changePins(
        of cache: CacheName,
        requiring hash: StorePathHash?,
        _ change: (inout [Pin]) -> Void
    ) throws -> [Pin]? {
        try self.change(holding: .members(of: "\(cache)")) { transaction in
            guard try Self.exists(cache, transaction) else { return nil }
            if let hash {
                let member = try Self.member(hash, cache, transaction)
                guard member?.state == .present else { return nil }
            }
            var pins = try Self.pins(of: cache, transaction)
            change(&pins)
            pins.sort { $0.name < $1.name }
            try transaction.run(
                "UPDATE firn.cache SET pins = $1::bytea WHERE name = $2",
                .bytes(PinDocument.write(pins)),
                .text("\(cache)")
            )
            return pins
        }
    }

    // MARK: In a transaction

    private static func exists(
        _ cache: CacheName,
        _ transaction: PostgresTransaction
    ) throws -> Bool {
        try !transaction.run("SELECT 1 FROM firn.cache WHERE name = $1", .text("\(cache)"))
            .rows.isEmpty
    }

    /// - Returns: The rows' numbers, by the paths.
    static func insert(
        _ records: [MemberRecord],
        to cache: CacheName,
        _ state: ObjectState,
        _ transaction: PostgresTransaction
    ) throws -> [String: Int64] {
        let rows = try transaction.run(
            """
            INSERT INTO firn.member (
                cache, path_hash, object_name, state, size_bytes, narinfo_size_bytes, created_at,
                used_at
            )
            SELECT $1::text, path_hash, object_name, $2::smallint, size_bytes, narinfo_size_bytes,
                created_at, used_at
            FROM unnest(
                $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]
            ) AS a (path_hash, object_name, size_bytes, narinfo_size_bytes, created_at, used_at)
            RETURNING path_hash, id
            """,
            .text("\(cache)"),
            .integer(Int64(state.rawValue)),
            .texts(records.map { "\($0.key.storeHash)" }),
            .texts(records.map { "\($0.key)" }),
            .integers(records.map { Int64(clamping: $0.sizeBytes) }),
            .integers(records.map { Int64(clamping: $0.narInfoSizeBytes) }),
            .integers(records.map(\.createdAt)),
            .integers(records.map(\.usedAt))
        ).rows
        try insertReferences(of: records, in: cache, transaction)
        var ids: [String: Int64] = [:]
        for row in rows { ids[try row.text(0)] = try row.integer(1) }
        return ids
    }

    private static func insertReferences(
        of records: [MemberRecord],
        in cache: CacheName,
        _ transaction: PostgresTransaction
    ) throws {
        let pairs = records.flatMap { record in
            record.references.filter { $0 != record.key.storeHash }
                .map { ("\(record.key.storeHash)", "\($0)") }
        }
        guard !pairs.isEmpty else { return }
        try transaction.run(
            """
            INSERT INTO firn.member_reference (cache, path_hash, reference_hash)
            SELECT $1::text, path_hash, reference_hash
            FROM unnest($2::text[], $3::text[]) AS a (path_hash, reference_hash)
            ON CONFLICT DO NOTHING
            """,
            .text("\(cache)"),
            .texts(pairs.map(\.0)),
            .texts(pairs.map(\.1))
        )
    }

    private static func deleteMembers(
        _ ids: Set<Int64>,
        _ transaction: PostgresTransaction
    ) throws -> [CatalogEntry] {
        guard !ids.isEmpty else { return [] }
        let gone = try transaction.run(
            """
            DELETE FROM firn.member WHERE id = ANY ($1::bigint[])
            RETURNING cache, path_hash, object_name
            """,
            .integers(ids.sorted())
        ).rows
        guard !gone.isEmpty else { return [] }
        try transaction.run(
            """
            DELETE FROM firn.member_reference r
            USING unnest($1::text[], $2::text[]) AS a (cache, path_hash)
            WHERE r.cache = a.cache AND r.path_hash = a.path_hash
            """,
            .texts(gone.map { try $0.text(0) }),
            .texts(gone.map { try $0.text(1) })
        )
        let objects = Set(try gone.map { try $0.text(2) })
        try countHolders(of: objects, transaction)
        return try transaction.run(
            """
            SELECT \(columns) FROM firn.object
            WHERE name = ANY ($1::text[]) AND state = 0 AND is_closed AND held = 0
            """,
            .texts(objects.sorted())
        ).rows.map { try entry($0) }
    }

    /// Counted anew rather than up and down, so that it cannot drift; after their rows are this
    /// transaction's own, so that nobody counts at the same time.
    static func countHolders(
        of objects: Set<String>,
        _ transaction: PostgresTransaction
    ) throws {
        let names = PostgresValue.texts(objects.sorted())
        try transaction.run(
            "SELECT FROM firn.object WHERE name = ANY ($1::text[]) ORDER BY name FOR UPDATE",
            names
        )
        try transaction.run(
            """
            UPDATE firn.object o
            SET held = (SELECT count(*) FROM firn.member m WHERE m.object_name = o.name)
            WHERE o.name = ANY ($1::text[])
            """,
            names
        )
    }
}
