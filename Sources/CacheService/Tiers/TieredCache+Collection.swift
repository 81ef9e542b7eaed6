// SPDX-License-Identifier: Apache-2.0
import Depot
package import Foundation
import NixStore

/// An object of the depot that went, or would go.
package struct CollectedNAR: Sendable {
    package let name: String
    package let sizeBytes: UInt64
    package let lastUsedAt: Date

    init(_ object: CollectedObject) {
        name = "\(object.key)"
        sizeBytes = object.sizeBytes
        lastUsedAt = object.lastUsedAt
    }
}

extension TieredCache {
    /// Of what people look at, which must not wait for a collection that is under way.
    private static let lookDeadline = Duration.seconds(2)

    /// The objects of the depot that would go first if room were needed now.
    ///
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when the catalog fails or does not answer in time.
    package func nextToGo(limit: Int) async throws -> [CollectedNAR] {
        guard let depot = store.depot else { return [] }
        do {
            return try await keepers.run(deadline: Self.lookDeadline) {
                try depot.nextToGo(limit: limit).map(CollectedNAR.init)
            }
        } catch {
            throw CacheError.storageUnavailable(error)
        }
    }

    /// A collection of a large depot takes its time.
    private static let collectionDeadline = Duration.seconds(600)

    /// Lets go of what was used least recently; never of what is being sent.
    ///
    /// - Parameters:
    ///   - sizeBytes: How much may stay; `nil` means what the configuration allows.
    ///   - isDryRun: Only says what would go.
    /// - Returns: What went, or would go, in this order.
    /// - Throws: ``CacheError/malformed(_:)`` without a depot, and
    ///   ``CacheError/storageUnavailable(_:)`` when the disk or the catalog fails.
    package func collect(downTo sizeBytes: UInt64?, isDryRun: Bool) async throws -> [CollectedNAR] {
        guard let depot = store.depot else { throw CacheError.malformed("there is no depot here") }
        let limit = sizeBytes ?? depot.configuration.maximumSizeBytes
        // What is only kept open or kept for latecomers is not being sent.
        store.openObjects.empty()
        transfers.dropEnded()
        do {
            let objects = try await keepers.run(deadline: Self.collectionDeadline) {
                isDryRun
                    ? try depot.planCollection(downTo: limit)
                    : try depot.collect(downTo: limit)
            }
            if !isDryRun { answers.forgetAll() }
            return objects.map(CollectedNAR.init)
        } catch {
            throw CacheError.storageUnavailable(error)
        }
    }
}
