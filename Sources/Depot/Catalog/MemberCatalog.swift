// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

/// The index over what is in named caches: which paths, by which objects, and what refers to what.
///
/// Two rules make that a path which can be seen always has all that it refers to: a path comes only
/// when its references are there, and goes only when nothing there refers to it. Both are looked at
/// in the very transaction that changes the row, which is why they are here.
///
/// As for `Catalog`; `admit` and `markDeparting` are
/// on the disk when they return.
package protocol MemberCatalog: Sendable {
    /// Notes that paths are about to appear in a cache, and holds their objects; all of it in one
    /// transaction.
    ///
    /// `candidates`: Each may require those before it.
    /// - Returns: What became of each, in their order.
    func admit(_ candidates: [MemberCandidate], to cache: CacheName) throws -> [Admission]

    /// Shows paths whose narinfos are stored, or whose narinfos have other lengths now.
    ///
    /// `narInfoSizesBytes`: By the rows' numbers.
    func markMembersPresent(_ narInfoSizesBytes: [Int64: UInt64]) throws

    /// The row of a path that is present.
    func findMember(_ hash: StorePathHash, in cache: CacheName) throws -> MemberEntry?

    /// Which of these paths are present.
    func present(_ hashes: Set<StorePathHash>, in cache: CacheName) throws -> Set<StorePathHash>

    /// Rows that are present, in the order of the text of their hashes.
    func listMembers(
        of cache: CacheName,
        after: StorePathHash?,
        limit: Int
    ) throws -> [MemberEntry]

    /// Rows that are present, those first that were not used for longest.
    func leastRecentlyUsedMembers(
        of cache: CacheName,
        after: MemberEntry?,
        limit: Int
    ) throws -> [MemberEntry]

    /// The caches in which a path that is present names this object.
    func caches(holding key: ObjectKey) throws -> [CacheName]

    /// What the paths that are present in a cache refer to, each in the cache or elsewhere.
    func references(of hash: StorePathHash, in cache: CacheName) throws -> Set<StorePathHash>

    /// Paths that are present and refer to this one, itself aside.
    func referrers(of hash: StorePathHash, in cache: CacheName) throws -> Set<StorePathHash>

    /// Rows that are arriving or departing, of all caches.
    func unsettledMembers() throws -> [MemberEntry]

    /// The pins of a cache, by name.
    func pins(of cache: CacheName) throws -> [Pin]

    /// Changes the pins of a cache, if a path is present.
    ///
    /// `hash` is the path, `nil` for none; `change` is handed what is there.
    ///
    /// - Returns: The pins as they are then; `nil`, unchanged, when the path or the cache is not there.
    func changePins(
        of cache: CacheName,
        requiring hash: StorePathHash?,
        _ change: (inout [Pin]) -> Void
    ) throws -> [Pin]?

    /// Hides paths, one after the other, to which nothing refers that is still to be seen.
    ///
    /// `ids`: Rows in an order in which what refers to another comes first.
    /// `usedBefore`: Microseconds of Unix time; what was used then or later stays.
    /// `kept`: Paths that stay, beside those that are pinned at that moment.
    /// - Returns: The rows that are hidden now.
    func markDeparting(
        _ ids: [Int64],
        in cache: CacheName,
        usedBefore: Int64,
        keeping kept: Set<StorePathHash>
    ) throws -> [MemberEntry]

    /// Deletes rows of paths, and lets go of their objects.
    ///
    /// - Returns: Objects for members alone that no member names any more.
    func deleteMembers(_ ids: Set<Int64>) throws -> [CatalogEntry]

    /// Deletes up to `limit` rows of a cache, whatever refers to them.
    ///
    /// - Returns: As for ``deleteMembers(_:)``, and how many blocks the texts took; `nil` when there
    ///   was none to delete.
    func deleteMembers(
        of cache: CacheName,
        limit: Int
    ) throws -> (objects: [CatalogEntry], textBlockBytes: UInt64)?

    /// Notes when paths were used: microseconds of Unix time by the rows' numbers.
    func setMemberUses(_ uses: [Int64: Int64]) throws

    /// Notes how long a text of a cache is; `nil` for one that is gone.
    ///
    /// - Returns: What it took until then, in bytes.
    func setExtra(
        _ extra: CacheExtra,
        of cache: CacheName,
        sizeBytes: UInt64?,
        usedAt: Int64
    ) throws -> UInt64

    /// Texts of a cache that were put there before an instant, in microseconds of Unix time.
    func extras(of cache: CacheName, before: Int64, limit: Int) throws -> [CacheExtra]

    func usage(of cache: CacheName) throws -> CacheUsage

    /// Rows in place of what a catalog that was lost said of a cache; each is present.
    func restore(_ members: [MemberRecord], of cache: CacheName) throws
}

extension MemberCatalog {
    package func markMemberPresent(_ id: Int64, narInfoSizeBytes: UInt64) throws {
        try markMembersPresent([id: narInfoSizeBytes])
    }
}

/// A path that is to be noted by `MemberCatalog.admit`.
package struct MemberCandidate: Hashable, Sendable {
    package let record: MemberRecord
    /// Paths that have to be in the cache as well.
    package let required: Set<StorePathHash>
    /// The row of the object that its writer has given its name just now, which is present from then
    /// on; `nil` for one that is present.
    package let arriving: Int64?

    package init(
        _ record: MemberRecord,
        requiring required: Set<StorePathHash>,
        arriving: Int64? = nil
    ) {
        self.record = record
        self.required = required
        self.arriving = arriving
    }
}

/// What became of a candidate.
package enum Admission: Hashable, Sendable {
    /// The row's number.
    case admitted(Int64)
    /// The path is there already.
    case present(MemberEntry)
    /// The path is just coming or going.
    case busy
    /// These are not there.
    case lacking(Set<StorePathHash>)
    /// Nothing is stored under the object's key.
    case objectGone
    case cacheGone
}

/// A row of a `MemberCatalog`.
package struct MemberEntry: Hashable, Sendable {
    /// Never used twice.
    package let id: Int64
    package let cache: CacheName
    package let state: ObjectState
    package let record: MemberRecord

    package init(id: Int64, cache: CacheName, state: ObjectState, record: MemberRecord) {
        self.id = id
        self.cache = cache
        self.state = state
        self.record = record
    }

    package var hash: StorePathHash { record.key.storeHash }
}

/// What a `MemberCatalog` keeps of one path in one cache.
package struct MemberRecord: Hashable, Sendable {
    package var key: ObjectKey
    /// The object's.
    package var sizeBytes: UInt64
    package var narInfoSizeBytes: UInt64
    /// Microseconds of Unix time.
    package var createdAt: Int64
    package var usedAt: Int64
    /// Without the path itself; only written, and read with
    /// `MemberCatalog.references(of:in:)`.
    package var references: Set<StorePathHash>

    package init(
        key: ObjectKey,
        sizeBytes: UInt64,
        narInfoSizeBytes: UInt64,
        createdAt: Int64,
        usedAt: Int64,
        references: Set<StorePathHash> = []
    ) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.narInfoSizeBytes = narInfoSizeBytes
        self.createdAt = createdAt
        self.usedAt = usedAt
        self.references = references
    }
}

/// What a cache takes.
package struct CacheUsage: Hashable, Sendable {
    package var paths: Int
    /// Objects, narinfos and other texts; what caches share counts in each.
    package var sizeBytes: UInt64

    package init(paths: Int = 0, sizeBytes: UInt64 = 0) {
        self.paths = paths
        self.sizeBytes = sizeBytes
    }
}
