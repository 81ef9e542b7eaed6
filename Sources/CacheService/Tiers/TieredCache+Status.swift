// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import Synchronization

extension TieredCache {
    /// One NAR that is on its way here.
    package struct TransferStatus: Sendable {
        /// The last part of its URL.
        package let name: String
        package let tierName: String
        package let receivedBytes: UInt64
        package let sizeBytes: UInt64
        package let readers: Int
    }

    /// The other caches, in their order.
    package func tierStatus() -> [TierStatus] { tiers.map(TierStatus.init) }

    /// The tiers in their order, each with the keys that it is believed by.
    package func tierKeys() -> [(name: String, publicKeys: [PublicKey])] {
        tiers.map { ($0.name, $0.configuration.publicKeys) }
    }

    /// Lookups that no tier had an answer for.
    package var missCount: UInt64 { misses.load(ordering: .relaxed) }

    package func transferStatus() -> [TransferStatus] {
        transfers.all.filter { !$0.transfer.hasEnded }.map { request, transfer in
            let progress = transfer.progress
            return TransferStatus(
                name: request.fileName,
                tierName: transfer.tierName,
                receivedBytes: progress.receivedBytes,
                sizeBytes: transfer.expectation.sizeBytes,
                readers: progress.readers
            )
        }
    }
}
