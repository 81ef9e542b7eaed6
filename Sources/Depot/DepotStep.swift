// SPDX-License-Identifier: Apache-2.0

/// The moments between which the disk changes, in the order in which an object passes them.
///
/// Tests are told of each and kill the process or fail there; nothing else listens.
package enum DepotStep: String, CaseIterable, Sendable {
    /// An empty unfinished file exists.
    case begun
    /// Some bytes were written.
    case written
    /// All bytes of the unfinished file are on the disk.
    case fileSynced
    /// The catalog durably knows that the object may appear.
    case arrivalRecorded
    /// The file has its final name.
    case renamed
    /// The final name is on the disk.
    case directorySynced
    /// The narinfo is on the disk, not yet under its name.
    case narInfoWritten
    /// The narinfo has its name, in place of the one before.
    case narInfoRenamed
    /// The narinfo's name is on the disk.
    case narInfoSynced
    /// The catalog shows the object.
    case presenceRecorded
    /// The catalog durably knows that a path of a cache may appear.
    case memberRecorded
    /// The catalog shows a path of a cache.
    case memberPresent
    /// The catalog durably knows that paths of a cache are about to go.
    case memberDepartureRecorded
    /// Their narinfos are gone.
    case memberNARInfosRemoved
    /// The catalog knows that an object is about to go.
    case departureRecorded
    /// The narinfo of an object that goes is gone.
    case narInfoRemoved
    /// The file of an evicted or removed object is gone.
    case unlinked
}
