// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `nar/…`, in every shape of URL and both forms.
    func nar(_ request: NARRequest, _ facts: RequestFacts) async throws -> Answer {
        if let offer = DeltaOffer(facts) { return try await nar(request, facts, for: offer) }
        guard let answer = try await cache.resolveNAR(request) else { throw CacheError.notFound }
        return Self.representation(of: answer).answer(to: facts)
    }

    /// To a client that has said what it reads, which no Nix does: perhaps a delta.
    private func nar(
        _ request: NARRequest,
        _ facts: RequestFacts,
        for offer: DeltaOffer
    ) async throws -> Answer {
        guard let coded = try await cache.resolveNAR(request, for: offer) else {
            throw CacheError.notFound
        }
        return Self.representation(of: coded, request, beneath: "").answer(to: facts)
    }

    /// A NAR for who offered something.
    ///
    /// `place`: What stands before `/nar/` in the URL.
    static func representation(
        of coded: CodedNAR,
        _ request: NARRequest,
        beneath place: String
    ) -> Representation {
        var representation = Self.representation(of: coded.answer)
        representation.extraHeaders[.vary] = DeltaOffer.vary
        if let coding = coded.coding {
            representation.extraHeaders[.contentEncoding] = coding
            representation.allowsRanges = false
        }
        if request.form == .identity, let narHash = request.narHash {
            // RFC 9842, section 2.1: what the client may offer the next time, and by which name.
            let id = "\(request.storeHash)-\(narHash.digestText(.nix32))"
            representation.extraHeaders[.useAsDictionary] =
                "match=\"\(place)/nar/*.nar\", id=\"\(id)\""
        }
        return representation
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
