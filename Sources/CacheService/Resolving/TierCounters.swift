// SPDX-License-Identifier: Apache-2.0
package import Synchronization

/// What the tier has done since it was made; each only grows.
package final class TierCounters: Sendable {
    /// NARs answered with a file of the depot.
    package let depotHits = Atomic<UInt64>(0)
    /// NARs that had to be read from the store.
    package let depotMisses = Atomic<UInt64>(0)
    /// Lookups of paths that the store has, and has not; those that memory answered are left out.
    package let storeHits = Atomic<UInt64>(0)
    package let storeMisses = Atomic<UInt64>(0)

    package init() {}
}
