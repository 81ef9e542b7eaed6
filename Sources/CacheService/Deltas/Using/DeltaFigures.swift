// SPDX-License-Identifier: Apache-2.0
import Upstream

/// What deltas have done with the NARs of a tier since the start.
package struct DeltaFigures: Hashable, Sendable {
    /// NARs that were made of deltas.
    package var used: UInt64
    /// What came for them, and what would have come in the ordinary form.
    package var deltaBytes: UInt64
    package var ordinaryBytes: UInt64
    /// Deltas that were of no use.
    package var failures: UInt64

    package init(
        used: UInt64,
        deltaBytes: UInt64,
        ordinaryBytes: UInt64,
        failures: UInt64
    ) {
        self.used = used
        self.deltaBytes = deltaBytes
        self.ordinaryBytes = ordinaryBytes
        self.failures = failures
    }

    init?(_ tier: RemoteTier) {
        let totals = tier.deltas.totals
        guard tier.configuration.delta != .never, tier.cache.servesDeltas || totals.used > 0 else {
            return nil
        }
        self.init(
            used: totals.used,
            deltaBytes: totals.deltaBytes,
            ordinaryBytes: totals.ordinaryBytes,
            failures: totals.failures
        )
    }
}
