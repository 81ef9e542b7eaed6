// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `log/DRV` and `log/OUTPUT`: always sent as plain text, however the log is kept.
    func log(_ path: StorePath, _ facts: RequestFacts) async throws -> Answer {
        guard let log = try await cache.resolveLog(path) else { throw CacheError.notFound }
        return Representation(
            contentType: "text/plain; charset=utf-8",
            // A log belongs to a path, and the next build of that path writes another one.
            entityTag: nil,
            lifetime: .short,
            content: log.content,
            allowsRanges: log.allowsRanges,
            extraHeaders: [.xContentTypeOptions: "nosniff", .firnTier: log.tierName]
        ).answer(to: facts)
    }
}
