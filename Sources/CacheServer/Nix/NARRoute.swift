// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `nar/…`, in every shape of URL and both forms.
    func nar(_ request: NARRequest, _ facts: RequestFacts) async throws -> Answer {
        if let offer = DeltaOffer(facts) { return try await nar(request, facts, for: offer) }
        guard let answer = try await cache.resolveNAR(request) else { throw CacheError.notFound }
        return Self.representation(of: answer).named(request, for: facts, beneath: "")
            .answer(to: facts)
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
        if let coding = coded.coding {
            representation.extraHeaders[.contentEncoding] = coding
            representation.allowsRanges = false
            // A delta may be made anew, with more effort and other bytes.
            representation.hasStrongTag = coding == "zstd"
        }
        return representation.negotiated(request, beneath: place)
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

extension Representation {
    /// With what caches and clients have to know of a NAR that may come in several codings.
    ///
    /// - Source: RFC 9110, section 12.5.5; RFC 9842, section 2.1: what the client may offer the next
    ///   time, and by which name.
    fileprivate func negotiated(_ request: NARRequest, beneath place: String) -> Representation {
        var negotiated = self
        negotiated.extraHeaders[.vary] = DeltaOffer.vary
        if request.form == .identity, let narHash = request.narHash {
            let id = "\(request.storeHash)-\(narHash.digestText(.nix32))"
            negotiated.extraHeaders[.useAsDictionary] =
                "match=\"\(place)/nar/*.nar\", id=\"\(id)\""
        }
        return negotiated
    }

    /// The same for a part or a head of it, where the request is one that could have had a delta.
    func named(
        _ request: NARRequest,
        for facts: RequestFacts,
        beneath place: String
    ) -> Representation {
        DeltaOffer.decides(facts) ? negotiated(request, beneath: place) : self
    }
}
