// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Why the depot did not do what it was asked.
package enum DepotError: Error, Sendable {
    /// Another process, or another part of this one, has the directory open.
    case inUse(directory: String, processID: Int32?)
    /// The catalog has migrations that this program does not know; nothing was touched.
    case madeByNewerFirn(directory: String)
    /// The directory's `nix-cache-info` names another store, or `nil` for none that can be read;
    /// nothing was touched.
    case madeForAnotherStore(
        directory: String,
        found: StoreDirectory?,
        expected: StoreDirectory
    )
    /// More is kept than the configuration allows; nothing was removed.
    case holdsMoreThanMaximum(storedBytes: UInt64, maximumSizeBytes: UInt64)

    /// Nothing more can be evicted, and the object still does not fit under the bound.
    case full(neededBytes: UInt64, maximumSizeBytes: UInt64)
    /// The file system has no room, although the bound would have allowed it.
    case diskFull
    /// The object is here already: objects never change.
    case alreadyStored(ObjectKey)
    /// Somebody else is writing this object now.
    case alreadyBeingWritten(ObjectKey)
    /// A NAR in identity form whose bytes do not have the hash in its name.
    case mismatch(ObjectKey, actual: NixHash)
    /// A narinfo that is not about the NAR that it was given for.
    case describesAnotherNAR(ObjectKey, StorePath)

    /// A system call failed.
    case file(operation: String, path: String, errno: Int32)
    /// The store of objects is elsewhere and did not do what it was asked.
    case storage(S3Problem)
    /// The catalog's database failed; the cause is for the log.
    case catalogUnavailable(any Error)
}
