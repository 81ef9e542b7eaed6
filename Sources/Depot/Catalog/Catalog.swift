// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

/// The index over the objects: what is kept, how large it is, and when it was last used.
///
/// Holds nothing but tokens that cannot be made again from the objects and texts themselves. An object's row is
/// arriving before its bytes have their name, present while it can be found, and departing from
/// before its bytes go until they are gone for good; what a killed process left is thereby found in
/// a few rows.
///
/// - Every call may come from any thread at any time, and is one transaction: all of it or nothing,
///   also when the process ends in it. A call that throws has changed nothing and may be made again.
/// - ``insertArriving(_:usedAt:isClosed:)`` is on the disk when it returns, with all that was changed before
///   it. Other changes survive the end of the process, but perhaps not a loss of power.
/// - Rows that are gone are passed over; so is what a row says already.
/// - Throws `DepotError.diskFull`, or else `DepotError.catalogUnavailable(_:)` with the cause.
package protocol Catalog: MemberCatalog, CacheRegistry {
    /// Whether every object that is stored has a row: not when the catalog was just made.
    func isComplete() throws -> Bool

    /// Puts rows in place of all there are, each present, and makes the catalog complete.
    ///
    /// Objects that members of caches name, and no narinfo of the merged view, are closed then.
    ///
    /// - Parameter scan: Is handed what takes a record.
    /// - Throws: Also what `scan` throws; nothing has changed then.
    func rebuild(_ scan: ((CatalogRecord) throws -> Void) throws -> Void) throws

    /// What is present, all together; does not take longer for each row than to add a number.
    func totals() throws -> CatalogTotals

    /// The row of an object that is present.
    func find(_ key: ObjectKey) throws -> CatalogEntry?

    /// Rows that are present, in the order of the text of their keys.
    func list(after: ObjectKey?, limit: Int) throws -> [CatalogEntry]

    /// Rows that are present and held by no member of a cache, in the order in which they should go:
    /// by ``CatalogEntry/age``.
    ///
    /// A row whose age changes between two pages may be in both or in neither.
    func leastRecentlyUsed(after: CatalogEntry?, limit: Int) throws -> [CatalogEntry]

    /// Rows that are arriving or departing.
    func unsettled() throws -> [CatalogEntry]

    /// Notes that objects are about to appear; each takes the place of another row of its key.
    ///
    /// - Returns: The rows' numbers, never used before, in the order of the objects.
    func insertArriving(
        _ objects: [ObjectInfo],
        usedAt: Int64,
        isClosed: Bool
    ) throws -> [Int64]

    /// Shows an object in the merged view that was there for members of caches alone.
    ///
    /// - Returns: Whether it is present.
    func markOpen(_ id: Int64) throws -> Bool

    /// Shows an object that is arriving or departing, and deletes other rows.
    func markPresent(_ id: Int64, deleting gone: Set<Int64>) throws

    /// Hides an object that is present.
    ///
    /// `evenIfHeld`: Whether members of caches do not keep it, for what is damaged.
    /// - Returns: The row as it was; `nil` when it was not present, or is held.
    func markDeparting(_ id: Int64, evenIfHeld: Bool) throws -> CatalogEntry?

    func delete(_ ids: Set<Int64>) throws

    /// Notes how long a path's narinfo is, for the one object that it names; for others of the same
    /// path there is none from then on.
    ///
    /// Returns what the path's narinfo took until then, in whole blocks, of rows that are present.
    /// No `id` is no narinfo.
    func setNARInfoSize(
        _ sizeBytes: UInt64,
        of id: Int64?,
        among storeHash: StorePathHash
    ) throws -> UInt64

    func setFileHash(_ hash: NixHash, of id: Int64) throws

    /// Notes when objects were used: microseconds of Unix time by the rows' numbers.
    func setUses(_ uses: [Int64: Int64]) throws
}

extension Catalog {
    package func insertArriving(
        _ info: ObjectInfo,
        usedAt: Int64,
        isClosed: Bool = false
    ) throws -> Int64 {
        try insertArriving([info], usedAt: usedAt, isClosed: isClosed)[0]
    }

    package func markDeparting(_ id: Int64) throws -> CatalogEntry? {
        try markDeparting(id, evenIfHeld: false)
    }
}

/// What the rows of a `Catalog` that are present add up to.
package struct CatalogTotals: Hashable, Sendable {
    package let objects: Int
    /// What objects, narinfos and the other texts of caches take, each in whole blocks.
    package let blockBytes: UInt64
    /// Microseconds of Unix time; 0 when nothing is present.
    package let lastUsedAt: Int64

    package init(objects: Int, blockBytes: UInt64, lastUsedAt: Int64) {
        self.objects = objects
        self.blockBytes = blockBytes
        self.lastUsedAt = lastUsedAt
    }
}
