// SPDX-License-Identifier: Apache-2.0
package import CacheService
import HTTPTypes
import NixFormat

extension DeltaOffer {
    /// What of a request decides between a delta and the ordinary form.
    static let vary = "Accept-Encoding, Available-Dictionary, X-Firn-Bases"

    /// What a request for a NAR offers.
    ///
    /// - Returns: `nil` for every client that does not say `dcz` or Firn's own word, for one that
    ///   wants a part, and for HEAD: there is nothing to be chosen then.
    package init?(_ facts: RequestFacts) {
        guard !facts.isHead, facts.range == nil, let codings = Self.codings(facts) else {
            return nil
        }
        self.init(
            bases: Self.bases(facts),
            readsDCZ: codings.contains("dcz"),
            readsSegments: codings.contains("firn-delta"),
            readsZstd: codings.contains("zstd"),
            pace: facts.pace
        )
    }

    /// Whether the answer depends on what is offered, or would if it were not for a part, or a head
    /// alone: caches that keep it have to know.
    static func decides(_ facts: RequestFacts) -> Bool { codings(facts) != nil }

    /// - Returns: `nil` where none of them is one of deltas.
    private static func codings(_ facts: RequestFacts) -> Set<String>? {
        guard let field = facts.acceptEncoding else { return nil }
        let codings = codings(in: field)
        return codings.contains("dcz") || codings.contains("firn-delta") ? codings : nil
    }

    /// The codings that are not refused by `q=0`: RFC 9110, section 12.5.3.
    private static func codings(in field: String) -> Set<String> {
        var codings: Set<String> = []
        for element in field.split(separator: ",").prefix(32) {
            let parts = element.split(separator: ";").map { trimmed($0).lowercased() }
            guard let coding = parts.first else { continue }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
            if let quality, (Double(quality.dropFirst(2)) ?? 0) <= 0 { continue }
            codings.insert(coding)
        }
        return codings
    }

    private static func bases(_ facts: RequestFacts) -> [Base] {
        var bases = (facts.firnBases ?? "").split(separator: ",").prefix(maximumBases)
            .compactMap { named(trimmed($0)) }
        if let hash = facts.availableDictionary.flatMap(dictionary),
            !bases.contains(where: { $0.narHash == hash })
        {
            let known = facts.dictionaryID.flatMap { id in
                named(trimmed(id).trimmingQuotes).flatMap { $0.narHash == hash ? $0 : nil }
            }
            bases.insert(known ?? Base(storeHash: nil, narHash: hash), at: 0)
        }
        return bases
    }

    /// `STOREHASH-NARHASH`.
    private static func named(_ text: Substring) -> Base? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.count == 52,
            let storeHash = try? StorePathHash(parsing: parts[0]),
            let narHash = try? NixHash(parsingDigest: parts[1], algorithm: .sha256)
        else { return nil }
        return Base(storeHash: storeHash, narHash: narHash)
    }

    /// A byte sequence of RFC 9651: `:BASE64:`, of 32 bytes.
    private static func dictionary(_ field: String) -> NixHash? {
        let text = trimmed(field[...])
        guard text.utf8.count == 46, text.first == ":", text.last == ":",
            let digest = try? Base64.decode(text.dropFirst().dropLast())
        else { return nil }
        return try? NixHash(algorithm: .sha256, digest: digest)
    }

    private static func trimmed(_ text: some StringProtocol) -> Substring {
        var text = Substring(text)
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}

extension RequestFacts {
    /// `X-Firn-Pace`: bytes of NARs in a second that are enough for who asks.
    var pace: UInt64? { firnPace.flatMap { UInt64($0) } }
}

extension Substring {
    fileprivate var trimmingQuotes: Substring {
        count >= 2 && first == "\"" && last == "\"" ? dropFirst().dropLast() : self
    }
}
