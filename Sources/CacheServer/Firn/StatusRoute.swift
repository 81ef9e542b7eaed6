// SPDX-License-Identifier: Apache-2.0
import CacheService
import FirnAPI
import Foundation

extension CacheResponder {
    /// `api/v1/status`: what `firn status` shows.
    func status(_ facts: RequestFacts) throws -> Answer { try json(statusReport(), facts) }

    /// How everything is at this moment.
    func statusReport() -> StatusReport {
        let statistics = tier.statistics()
        return StatusReport(
            version: node.version,
            node: node.id,
            startedAt: Timestamp(node.startedAt),
            storeDirectory: "\(tier.storeDirectory)",
            priority: priority,
            store: StatusReport.Store(hits: statistics.storeHits, misses: statistics.storeMisses),
            depot: statistics.depot.map { depot in
                StatusReport.Depot(
                    location: depot.location,
                    objects: UInt64(depot.objects),
                    storedBytes: depot.sizeBytes,
                    pendingBytes: depot.pendingSizeBytes,
                    maximumBytes: depot.maximumSizeBytes,
                    hits: statistics.depotHits,
                    misses: statistics.depotMisses,
                    trouble: cache.keepingTrouble
                )
            },
            tiers: cache.tierStatus().map(StatusReport.Tier.init),
            transfers: cache.transferStatus().map { transfer in
                StatusReport.Transfer(
                    nar: "nar/\(transfer.name)",
                    tier: transfer.tierName,
                    receivedBytes: transfer.receivedBytes,
                    sizeBytes: transfer.sizeBytes,
                    readers: transfer.readers
                )
            }
        )
    }

    /// Firn's own answers: never kept by anybody.
    func json(_ body: some Encodable, _ facts: RequestFacts) throws -> Answer {
        Representation(
            contentType: FirnRoute.contentType,
            entityTag: nil,
            lifetime: .none,
            content: .bytes(try FirnJSON.write(body)),
            allowsRanges: false
        ).answer(to: facts)
    }
}

extension StatusReport.Tier {
    fileprivate init(_ tier: TierStatus) {
        self.init(
            name: tier.name,
            state: .init(rawValue: tier.state),
            latency: tier.latency.map(Milliseconds.init),
            isFirn: tier.isFirn,
            asksBack: tier.asksBack,
            lastFailure: tier.lastFailure,
            requests: tier.requests,
            failures: tier.failures,
            narBytes: tier.narBytes,
            hits: tier.hits,
            misses: tier.misses,
            addresses: tier.addresses.map { address in
                StatusReport.Address(
                    url: address.url,
                    isChosen: address.isChosen,
                    state: .init(rawValue: address.state),
                    latency: address.latency.map(Milliseconds.init),
                    lastFailure: address.lastFailure
                )
            },
            deltas: tier.deltas.map { deltas in
                StatusReport.Deltas(
                    used: deltas.used,
                    bytes: deltas.deltaBytes,
                    ordinaryBytes: deltas.ordinaryBytes,
                    failures: deltas.failures
                )
            }
        )
    }
}
