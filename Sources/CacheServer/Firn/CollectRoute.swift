// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import FirnAPI

extension CacheResponder {
    /// `api/v1/collect`: what `firn gc` asks for; only where orders are taken.
    func collect(_ facts: RequestFacts) async throws -> Answer {
        let request: CollectRequest
        do throws(FirnJSON.ParseError) {
            request = try FirnJSON.parse(facts.order ?? [], as: CollectRequest.self)
        } catch {
            throw CacheError.malformed("not an order to collect: \(error)")
        }
        let paths = try await cache.named?.collect(isDryRun: request.isDryRun) ?? []
        let collection = try await cache.collect(
            downTo: request.downToBytes,
            isDryRun: request.isDryRun
        )
        let report = CollectReport(
            isDryRun: request.isDryRun,
            freedBytes: collection.reduce(0) { $0 + $1.sizeBytes },
            objects: collection.map { object in
                CollectReport.Object(
                    name: object.name,
                    sizeBytes: object.sizeBytes,
                    usedAt: Timestamp(object.lastUsedAt)
                )
            },
            paths: paths.isEmpty
                ? nil
                : paths.map { path in
                    CollectReport.Path(
                        cache: "\(path.cache)",
                        hash: path.hash,
                        sizeBytes: path.sizeBytes,
                        usedAt: Timestamp(path.lastUsedAt)
                    )
                }
        )
        return try json(report, facts)
    }
}
