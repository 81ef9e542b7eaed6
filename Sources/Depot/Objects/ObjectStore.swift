// SPDX-License-Identifier: Apache-2.0
package import Caches

/// Where the bytes of a depot lie: immutable objects by key, and small texts that may be replaced.
///
/// The names are those of a standard binary cache, so that what is stored can be read by Nix alone.
/// A store knows nothing of what it holds and keeps no account of it: that is the depot's.
///
/// - Every call may come from any thread, at any time, also for one name from several at once; each
///   may wait for a disk or a network.
/// - A call that throws may be made again. Unless a method says otherwise, what it was to change is
///   then as it was before, or as it was to become: never in between.
/// - The process may end anywhere, with the same promise; what was unfinished is then found by
///   ``removeUnfinished()``.
/// - Storage without room throws `DepotError.diskFull`, and only then.
package protocol ObjectStore: Sendable {
    /// Starts to write an object whose key is only known at its end; see ``ObjectWriting/show(as:)``.
    func beginUnnamed() throws -> any ObjectWriting

    /// The unfinished object of this name, which is begun when it is not there.
    ///
    /// Unlike all others it outlives the process: opened again, it has what was written.
    func openPartial(_ id: PartialID) throws -> any PartialObject

    /// The unfinished objects that have outlived a process, and when each was last written to.
    func listPartials() throws -> [(id: PartialID, status: StoredStatus)]

    /// Starts to write an object, which nobody sees before it is published.
    ///
    /// May be called twice for one key: each writer has bytes of its own, and the last one that is
    /// published is what readers get from then on, as a whole.
    func begin(_ key: ObjectKey) throws -> any ObjectWriting

    /// What is known of an object without reading it; `nil` when it is not here.
    func find(_ key: ObjectKey) throws -> StoredStatus?

    /// Opens an object; `nil` when it is not here.
    func open(_ key: ObjectKey) throws -> (any ObjectReading)?

    /// Removes an object; one that is gone already is fine.
    ///
    /// Whoever has it open goes on reading it. A loss of power may bring it back until the next
    /// ``sync()`` or ``ObjectWriting/publish()`` has returned.
    func remove(_ key: ObjectKey) throws

    /// A text as it was last written; `nil` when it is not here.
    func read(_ name: TextName) throws -> [UInt8]?

    /// Writes a text; for good when this returns. Readers get the old one or the new one.
    func replace(_ name: TextName, with text: [UInt8]) throws

    /// Writes texts, as if one after the other: whoever sees one also sees those before it, but after
    /// a loss of power any of them may be there. For good when this returns.
    ///
    /// When it throws, some may have been written.
    func replace(_ texts: [(name: TextName, text: [UInt8])]) throws

    /// Removes a text; one that is gone already is fine. For good after the next ``sync()``.
    func remove(_ name: TextName) throws

    /// Makes every removal that has returned final, whatever happens to the power.
    func sync() throws

    /// Goes through all that is stored: objects first, then texts, then the rest.
    ///
    /// What comes or goes meanwhile may or may not be seen. The body may remove what it is shown.
    func forEachName(_ body: (StoredName) throws -> Void) throws

    /// Makes the place of a named cache, which a reader of the storage alone can use as a binary
    /// cache; does nothing where it is.
    func makeCache(_ name: CacheName) throws

    /// Removes the place of a named cache with all texts in it; one that is gone already is fine.
    func removeCache(_ name: CacheName) throws

    /// The names of the places of caches.
    func listCaches() throws -> [CacheName]

    /// Goes through the texts of a cache, as ``forEachName(_:)`` does.
    func forEachText(of cache: CacheName, _ body: (CacheText) throws -> Void) throws

    /// Removes one thing that ``forEachName(_:)`` called a leftover, by the path it was shown with.
    func removeLeftover(_ path: String) throws

    /// Removes what writers left behind when their process ended; nobody may be writing.
    ///
    /// - Returns: How many there were.
    func removeUnfinished() throws -> Int
}

/// An object of an ``ObjectStore`` that is being written, by one thread at a time.
///
/// Ends with ``publish()`` or ``abandon()``, and letting it go abandons it. A failed call leaves only
/// ``abandon()`` to be done.
package protocol ObjectWriting: AnyObject, Sendable {
    func append(_ bytes: UnsafeRawBufferPointer) throws

    /// Tells that nothing more will be appended, without waiting: ``finish()`` will not take as
    /// long, and until then nothing is kept open.
    func startFinishing() throws

    /// Waits until all bytes are stored for good; nothing may be appended afterwards.
    func finish() throws

    /// Shows the object under its key: for good when this returns, as is every earlier removal.
    ///
    /// To be called once, after ``finish()``. When it throws the object may be there or not.
    func publish() throws

    /// Tells the key that ``show(as:)`` will be called with next, without waiting: whoever shows many
    /// objects tells all of their keys first. To be called after ``finish()``; the object may be there
    /// from now on.
    func startShowing(as key: ObjectKey)

    /// Shows the object under this key, whatever it was begun with: for good after the next
    /// ``ObjectStore/sync()``.
    ///
    /// To be called once, after ``finish()``. When it throws the object may be there or not.
    func show(as key: ObjectKey) throws

    /// Removes what was written; does nothing after it was published or abandoned.
    func abandon()
}

extension ObjectWriting {
    package func startShowing(as key: ObjectKey) {}
}

/// An object of an ``ObjectStore`` that is open: stays readable and the same after it was removed.
package protocol ObjectReading: Sendable {
    var sizeBytes: UInt64 { get }

    /// A descriptor to read the object from, for `sendfile` and the like.
    ///
    /// Read-only, positioned anywhere, and closed with this value. `nil` where the bytes are not in
    /// a local file.
    var localDescriptor: Int32? { get }

    /// Fills the front of a buffer with the bytes at an offset, by any number of threads at once.
    ///
    /// - Returns: How many; fewer than the buffer holds only at the end, 0 past it.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// What is known of an object without opening it.
package struct StoredStatus: Hashable, Sendable {
    package let sizeBytes: UInt64
    /// Microseconds of Unix time.
    package let modifiedAt: Int64

    package init(sizeBytes: UInt64, modifiedAt: Int64) {
        self.sizeBytes = sizeBytes
        self.modifiedAt = modifiedAt
    }
}
