// SPDX-License-Identifier: Apache-2.0
package import Synchronization

/// What the store has seen since it was opened; each only grows.
package final class StoreCounters: Sendable {
    /// NAR bytes handed out.
    package let bytesRead = Atomic<UInt64>(0)
    package let narsOpened = Atomic<UInt64>(0)
    /// Paths that were marked bad, each time that happened.
    package let badPaths = Atomic<UInt64>(0)
    /// Whole NARs whose hash or size was not what Nix registered.
    package let hashMismatches = Atomic<UInt64>(0)
    /// Questions that the database could not answer.
    package let databaseErrors = Atomic<UInt64>(0)
    /// Times the database was opened again, because its file was replaced or it failed.
    package let databaseReopens = Atomic<UInt64>(0)
    /// Rows without a usable NarSize that were treated as absent.
    package let rowsWithoutSize = Atomic<UInt64>(0)
    /// Streams that could not be protected from garbage collection.
    package let rootsFailed = Atomic<UInt64>(0)

    package init() {}
}
