// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `HASH.closure`: the narinfos of a whole closure in one answer, dependencies first.
    func closure(_ hash: StorePathHash, _ facts: RequestFacts) async throws -> Answer {
        guard let answer = try await cache.resolveClosure(hash) else { throw CacheError.notFound }
        return Representation(
            contentType: NARInfoClosure.contentType,
            entityTag: nil,
            lifetime: .short,
            content: .bytes(answer.text),
            extraHeaders: [.firnTier: answer.tierName]
        ).answer(to: facts)
    }
}
