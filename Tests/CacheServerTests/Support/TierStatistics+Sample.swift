// SPDX-License-Identifier: Apache-2.0
import CacheService

extension TierStatistics {
    static func sample(depot: Depot? = nil) -> TierStatistics {
        TierStatistics(
            narBytesRead: 1,
            badPaths: 2,
            hashMismatches: 3,
            databaseErrors: 4,
            rootsFailed: 5,
            signaturesMade: 6,
            depotHits: 7,
            depotMisses: 8,
            depot: depot,
            waitingObjects: 9
        )
    }
}
