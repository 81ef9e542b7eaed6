// SPDX-License-Identifier: Apache-2.0
import Caches
import NixFormat

/// Candidates for a cache on their way into PostgreSQL, in a few statements however many they are.
///
/// The lock on the cache's members is held, so that what they refer to stays; the rows of their objects
/// are this transaction's own before they are looked at.
struct MemberAdmission {
    private let candidates: [MemberCandidate]
    private let cache: CacheName
    private let transaction: PostgresTransaction
    /// Rows of candidates and of what they require, in whatever state.
    private var members: [StorePathHash: MemberEntry] = [:]
    /// Number and state of the row of each object.
    private var objects: [String: (id: Int64, state: Int64)] = [:]
    private var arrived: [Int64] = []
    private var admitted: [MemberRecord] = []

    init(
        _ candidates: [MemberCandidate],
        to cache: CacheName,
        _ transaction: PostgresTransaction
    ) throws {
        self.candidates = candidates
        self.cache = cache
        self.transaction = transaction
        try readMembers()
        try readObjects()
    }

    private mutating func readMembers() throws {
        let hashes = candidates.reduce(into: Set<StorePathHash>()) { hashes, candidate in
            hashes.insert(candidate.record.key.storeHash)
            hashes.formUnion(candidate.required)
        }
        let rows = try transaction.run(
            """
            SELECT \(PostgresCatalog.memberColumns) FROM firn.member
            WHERE cache = $1 AND path_hash = ANY ($2::text[])
            """,
            .text("\(cache)"),
            .texts(hashes.map { "\($0)" })
        ).rows
        for row in rows {
            let entry = try PostgresCatalog.memberEntry(row)
            members[entry.hash] = entry
        }
    }

    private mutating func readObjects() throws {
        let rows = try transaction.run(
            """
            SELECT name, id, state FROM firn.object WHERE name = ANY ($1::text[])
            ORDER BY name FOR UPDATE
            """,
            .texts(Set(candidates.map { "\($0.record.key)" }).sorted())
        ).rows
        for row in rows {
            objects[try row.text(0)] = (try row.integer(1), try row.integer(2))
        }
    }

    /// - Returns: What became of each candidate.
    mutating func run() throws -> [Admission] {
        var before: Set<StorePathHash> = []
        var refusals: [Admission?] = []
        for candidate in candidates {
            let refusal = refusal(of: candidate, after: before)
            refusals.append(refusal)
            let hash = candidate.record.key.storeHash
            switch refusal {
            case nil:
                before.insert(hash)
                admitted.append(candidate.record)
                if let row = candidate.arriving, objects["\(candidate.record.key)"]?.state == 1 {
                    arrived.append(row)
                }
            case .present: before.insert(hash)
            case .admitted, .busy, .lacking, .objectGone, .cacheGone: break
            }
        }
        let ids = try write()
        return try zip(candidates, refusals).map { candidate, refusal in
            if let refusal { return refusal }
            let hash = "\(candidate.record.key.storeHash)"
            guard let id = ids[hash] else { throw PostgresProblem.unreadable(hash) }
            return .admitted(id)
        }
    }

    /// `before`: Paths of the same transaction.
    private func refusal(
        of candidate: MemberCandidate,
        after before: Set<StorePathHash>
    ) -> Admission? {
        let record = candidate.record
        if let known = members[record.key.storeHash] {
            return known.state == .present ? .present(known) : .busy
        }
        // One of the same path in front of it is on its way.
        guard !before.contains(record.key.storeHash) else { return .busy }
        let lacking = candidate.required.filter { hash in
            !before.contains(hash) && members[hash]?.state != .present
        }
        guard lacking.isEmpty else { return .lacking(lacking) }
        guard let object = objects["\(record.key)"],
            object.state == 0 || object.state == 1 && object.id == candidate.arriving
        else { return .objectGone }
        return nil
    }

    private func write() throws -> [String: Int64] {
        guard !admitted.isEmpty else { return [:] }
        if !arrived.isEmpty {
            try transaction.run(
                "UPDATE firn.object SET state = 0 WHERE id = ANY ($1::bigint[])",
                .integers(arrived)
            )
        }
        let ids = try PostgresCatalog.insert(admitted, to: cache, .arriving, transaction)
        try PostgresCatalog.countHolders(of: Set(admitted.map { "\($0.key)" }), transaction)
        return ids
    }
}
