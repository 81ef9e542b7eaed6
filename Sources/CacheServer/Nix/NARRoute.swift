// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes

extension CacheResponder {
    /// `nar/…`, in every shape of URL and both forms.
    func nar(_ request: NARRequest, _ facts: RequestFacts) async throws -> Answer {
        guard let answer = try await cache.resolveNAR(request) else { throw CacheError.notFound }
        return Self.representation(of: answer).answer(to: facts)
    }

    /// Never a Content-Encoding: it would end Nix's ability to resume.
    static func representation(of answer: NARAnswer) -> Representation {
        Representation(
            contentType: "application/x-nix-nar",
            entityTag: answer.entityTag,
            lifetime: answer.entityTag == nil ? .none : .immutable,
            content: answer.content,
            allowsRanges: answer.allowsRanges,
            extraHeaders: [.firnTier: answer.tierName]
        )
    }
}
