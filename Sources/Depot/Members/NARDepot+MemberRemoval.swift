// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

extension NARDepot {
    /// Removes paths from a cache to which nothing in it refers any more.
    ///
    /// Whether something refers to them, and whether they were used meanwhile, is looked at in the
    /// transaction that hides them: a path that is just being added keeps what it refers to. Safe at
    /// any moment, beside everything else.
    ///
    /// `entries`: In an order in which what refers to another comes first.
    /// `usedBefore`: Microseconds of Unix time; what was used then or later stays.
    /// `kept`: Paths that stay.
    /// - Returns: What went.
    /// - Throws: The failure of a file or the catalog; the next start goes on with it.
    package func remove(
        _ entries: [MemberEntry],
        from cache: CacheName,
        usedBefore: Int64 = .max,
        keeping kept: Set<StorePathHash> = []
    ) throws -> [MemberEntry] {
        memberUses.flush(to: catalog, logger)
        let gone = try catalog.markDeparting(
            entries.map(\.id),
            in: cache,
            usedBefore: usedBefore,
            keeping: kept
        )
        changes.noteDeparture()
        guard !gone.isEmpty else { return [] }
        try onStep(.memberDepartureRecorded)
        try finishRemoval(of: gone, from: cache)
        return gone
    }

    /// Removes paths from a cache because somebody says so: all of them, or none where one is pinned,
    /// absent, or referred to by what would stay.
    ///
    /// That is looked at in the transaction that hides them. Safe at any moment, beside everything else.
    ///
    /// - Returns: What went, or would with ``MemberDeparture/Options/planOnly``, or what is in the way.
    /// - Throws: The failure of a file or the catalog; the next start goes on with it.
    package func remove(
        _ hashes: Set<StorePathHash>,
        from cache: CacheName,
        _ options: MemberDeparture.Options
    ) throws -> MemberDeparture {
        let departure = try catalog.markDeparting(hashes, in: cache, options)
        guard departure.isPossible, !options.contains(.planOnly) else { return departure }
        changes.noteDeparture()
        try onStep(.memberDepartureRecorded)
        var rest = departure.leaving[...]
        while !rest.isEmpty {
            try finishRemoval(of: Array(rest.prefix(Self.removedTogether)), from: cache)
            rest = rest.dropFirst(Self.removedTogether)
        }
        return departure
    }

    /// Removes paths that must not be seen, with all that refers to them, pinned or not.
    ///
    /// - Returns: Whether none of them can be seen.
    package func hide(_ hashes: Set<StorePathHash>, from cache: CacheName) throws -> Bool {
        let present = try catalog.present(hashes, in: cache)
        guard !present.isEmpty else { return true }
        return try remove(present, from: cache, [.withReferrers, .evenIfPinned]).isPossible
    }

    private static let removedTogether = 256

    /// Removes a path whose narinfo or object is gone or no good, whatever refers to it.
    ///
    /// - Returns: Whether it was there, and damaged.
    func remove(damagedMember hash: StorePathHash, of cache: CacheName) throws -> Bool {
        guard let entry = try catalog.findMember(hash, in: cache),
            try memberNARInfo(hash, in: cache) == nil
        else { return false }
        defer { changes.noteDeparture() }
        try finishRemoval(of: [entry], from: cache)
        return true
    }

    private func finishRemoval(of entries: [MemberEntry], from cache: CacheName) throws {
        for entry in entries {
            try objects.remove(.ofCache(cache, .narInfo(entry.hash)))
            try removeExtra(.listing(entry.hash), of: cache)
        }
        try objects.sync()
        try onStep(.memberNARInfosRemoved)
        let unheld = try catalog.deleteMembers(Set(entries.map(\.id)))
        for entry in entries {
            ledger.forget(DiskBlocks.bytes(entry.record.narInfoSizeBytes))
        }
        try letGo(unheld)
    }
}

// MARK: Other texts

extension NARDepot {
    /// A text of a cache; `nil` when it is not there.
    package func extra(_ extra: CacheExtra, of cache: CacheName) throws -> [UInt8]? {
        try objects.read(.ofCache(cache, .extra(extra)))
    }

    /// Puts a text into a cache, in place of the one of its name.
    ///
    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`, `DepotError.diskFull`, or the
    ///   failure of a file or the catalog.
    package func write(_ text: [UInt8], as extra: CacheExtra, of cache: CacheName) throws {
        let blocks = DiskBlocks.bytes(UInt64(text.count))
        try reserve(blocks, towards: blocks)
        do {
            // Counted before it is there: what a crash leaves is too much rather than too little.
            let before = try catalog.setExtra(
                extra,
                of: cache,
                sizeBytes: UInt64(text.count),
                usedAt: memberUses.now()
            )
            ledger.store(blocks, replacing: DiskBlocks.bytes(before))
        } catch {
            ledger.release(blocks)
            throw error
        }
        try objects.replace(.ofCache(cache, .extra(extra)), with: text)
    }

    /// Removes a text of a cache; one that is gone already is fine.
    package func removeExtra(_ extra: CacheExtra, of cache: CacheName) throws {
        try objects.remove(.ofCache(cache, .extra(extra)))
        let before = try catalog.setExtra(extra, of: cache, sizeBytes: nil, usedAt: 0)
        ledger.forget(DiskBlocks.bytes(before))
    }
}
