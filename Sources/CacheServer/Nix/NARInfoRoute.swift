// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `HASH.narinfo`.
    func narInfo(_ hash: StorePathHash, _ facts: RequestFacts) async throws -> Answer {
        guard let answer = try await cache.resolveNARInfo(hash) else { throw CacheError.notFound }
        return Self.representation(of: answer).answer(to: facts)
    }

    static func representation(of answer: NARInfoAnswer) -> Representation {
        Representation(
            contentType: "text/x-nix-narinfo",
            entityTag: answer.entityTag,
            lifetime: .short,
            content: .bytes(answer.text),
            extraHeaders: [.firnTier: answer.tierName]
        )
    }
}
