// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import NixFormat
import Testing

@Suite struct DeltaOfferTests {
    private let hash = SHA256Hasher.hash([1])
    private let storeHash: StorePathHash

    init() throws {
        storeHash = try StorePathHash(bytes: Array(hash.digest.prefix(20)))
    }

    private func facts(_ coding: String?, _ dictionary: String? = nil) -> RequestFacts {
        var facts = RequestFacts(acceptEncoding: coding)
        facts.availableDictionary = dictionary
        return facts
    }

    @Test(arguments: [nil, "", "gzip, zstd", "dcz;q=0", "dcz; q=0.0", "xdcz", "*"])
    func whoDoesNotAskForDeltasOffersNothing(_ coding: String?) {
        #expect(DeltaOffer(facts(coding)) == nil)
    }

    @Test(arguments: ["dcz", "gzip,dcz", "DCZ;q=0.5", " br ,\tdcz ; q=1", "firn-delta"])
    func whoAsksForThemOffersWhatItNames(_ coding: String) throws {
        let text = ":\(Base64.encode(hash.digest)):"
        let offer = try #require(DeltaOffer(facts(coding, text)))
        #expect(offer.bases == [.init(storeHash: nil, narHash: hash)])
        #expect(!offer.readsZstd)
    }

    @Test func aPartAndAHeadAreNoOffers() {
        var part = facts("dcz")
        part.range = "bytes=0-1"
        #expect(DeltaOffer(part) == nil)
        var head = facts("dcz")
        head.isHead = true
        #expect(DeltaOffer(head) == nil)
    }

    @Test func aNameMakesADictionaryEasyToFind() throws {
        var facts = facts("dcz", ":\(Base64.encode(hash.digest)):")
        facts.dictionaryID = "\"\(storeHash)-\(hash.digestText(.nix32))\""
        let offer = try #require(DeltaOffer(facts))
        #expect(offer.bases == [.init(storeHash: storeHash, narHash: hash)])
        // The name of something else is not believed.
        facts.dictionaryID = "\"\(storeHash)-\(SHA256Hasher.hash([2]).digestText(.nix32))\""
        #expect(DeltaOffer(facts)?.bases == [.init(storeHash: nil, narHash: hash)])
    }

    @Test(arguments: [("12000000", UInt64(12_000_000)), ("0", 0), ("-1", nil), ("fast", nil)])
    func howFastIsEnoughIsSaidInBytes(_ text: String, _ pace: UInt64?) throws {
        var facts = facts("dcz")
        facts.firnPace = text
        #expect(try #require(DeltaOffer(facts)).pace == pace)
    }

    @Test func severalBasesAreTakenInTheirOrderAndNoMoreThanFour() throws {
        var facts = facts("dcz, firn-delta, zstd", ":\(Base64.encode(hash.digest)):")
        let names = (1...6).map {
            "\(storeHash)-\(SHA256Hasher.hash([UInt8($0)]).digestText(.nix32))"
        }
        facts.firnBases = (["nonsense"] + names).joined(separator: ", ")
        let offer = try #require(DeltaOffer(facts))
        #expect(offer.bases.map(\.narHash) == (1...3).map { SHA256Hasher.hash([$0]) })
        #expect(offer.readsZstd && offer.readsSegments && offer.readsDCZ)
    }
}
