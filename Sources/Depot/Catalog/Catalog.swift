// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// The index over the objects: what is kept, how large it is, and when it was last used.
///
/// Holds nothing that cannot be made again from the objects and texts themselves. An object's row is
/// arriving before its bytes have their name, present while it can be found, and departing from
/// before its bytes go until they are gone for good; what a killed process left is thereby found in
/// a few rows.
///
/// - Every call may come from any thread at any time, and is one transaction: all of it or nothing,
///   also when the process ends in it. A call that throws has changed nothing and may be made again.
/// - ``insertArriving(_:usedAt:)`` is on the disk when it returns, with all that was changed before
///   it. Other changes survive the end of the process, but perhaps not a loss of power.
/// - Rows that are gone are passed over; so is what a row says already.
/// - Throws `DepotError.diskFull`, or else `DepotError.catalogUnavailable(_:)` with the cause.
package protocol Catalog: Sendable {
    /// Whether every object that is stored has a row: not when the catalog was just made.
    func isComplete() throws -> Bool

    /// Puts rows in place of all there are, each present, and makes the catalog complete.
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

    /// Rows that are present, in the order in which they should go: by ``CatalogEntry/age``.
    ///
    /// A row whose age changes between two pages may be in both or in neither.
    func leastRecentlyUsed(after: CatalogEntry?, limit: Int) throws -> [CatalogEntry]

    /// Rows that are arriving or departing.
    func unsettled() throws -> [CatalogEntry]

    /// Notes that an object is about to appear; takes the place of another row of that key.
    ///
    /// - Returns: The row's number, never used before.
    func insertArriving(_ info: ObjectInfo, usedAt: Int64) throws -> Int64

    /// Shows an object that is arriving or departing, and deletes other rows.
    func markPresent(_ id: Int64, deleting gone: Set<Int64>) throws

    /// Hides an object that is present.
    ///
    /// - Returns: The row as it was; `nil` when it was not present.
    func markDeparting(_ id: Int64) throws -> CatalogEntry?

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

/// What the rows of a ``Catalog`` that are present add up to.
package struct CatalogTotals: Hashable, Sendable {
    package let objects: Int
    /// What objects and their narinfos take, each in whole blocks.
    package let blockBytes: UInt64
    /// Microseconds of Unix time; 0 when nothing is present.
    package let lastUsedAt: Int64

    package init(objects: Int, blockBytes: UInt64, lastUsedAt: Int64) {
        self.objects = objects
        self.blockBytes = blockBytes
        self.lastUsedAt = lastUsedAt
    }
}
