// SPDX-License-Identifier: Apache-2.0
package import CacheService
import Caches
import HTTPTypes
package import NixFormat

/// What follows `api/v1/cache/NAME` in a target: Cachix's interface, version 1.
///
/// - Source: cachix 1.11, `cachix-api`.
package enum CachixItem: Equatable, Sendable {
    /// Nothing more: what the cache is.
    case facts
    /// What Nix reads from a cache.
    case item(CacheItem)
    /// `POST narinfo`: which of these paths are missing.
    case missingPaths
    /// `POST multipart-nar?compression=`.
    case beginUpload(NARCompression)
    /// `POST multipart-nar/ID?uploadId=&partNumber=`.
    case announcePart(UploadTicket, number: Int)
    /// `PUT multipart-nar/ID/NUMBER?md5=&key=`, a URL of ours.
    case part(UploadID, PartPlace, key: UploadSecret)
    /// `POST multipart-nar/ID/complete?uploadId=`.
    case completeUpload(UploadTicket)
    /// `POST multipart-nar/ID/abort?uploadId=`.
    case abortUpload(UploadTicket)
    /// `POST pin`.
    case pin
    /// `POST key`.
    case key

    var takesPOST: Bool { method == .post }

    /// The one method of what has a body; HEAD is a GET.
    var method: HTTPRequest.Method {
        switch self {
        case .facts, .item: .get
        case .part: .put
        case .missingPaths, .beginUpload, .announcePart, .completeUpload, .abortUpload, .pin, .key:
            .post
        }
    }
}

extension Endpoint {
    static let cachixPrefix = [Array("api".utf8), Array("v1".utf8), Array("cache".utf8)]

    /// Reads what follows `api/v1/cache`.
    static func cachix(
        _ segments: ArraySlice<[UInt8]>,
        query: some StringProtocol
    ) throws(CacheError) -> Endpoint {
        var words: [String] = []
        for segment in segments {
            guard let word = String(validating: segment, as: UTF8.self) else {
                throw .malformed("the path is not UTF-8")
            }
            words.append(word)
        }
        guard let name = try? CacheName(parsing: words.removeFirst()) else { throw .notFound }
        return .cachix(name, try cachixItem(words, query))
    }

    private static func cachixItem(
        _ words: [String],
        _ query: some StringProtocol
    ) throws(CacheError) -> CachixItem {
        switch (words.count, words.first) {
        case (0, _), (1, ""): return .facts
        case (1, "narinfo"): return .missingPaths
        case (1, "pin"): return .pin
        case (1, "key"): return .key
        case (1, "multipart-nar"): return .beginUpload(try compression(try values(of: query)))
        case (2, "multipart-nar"):
            let values = try values(of: query)
            guard let number = values["partNumber"].flatMap({ Int($0) }),
                PartPlace.numbers.contains(number)
            else { throw .malformed("a part has a partNumber from 1 to 10000") }
            return .announcePart(try ticket(words[1], values), number: number)
        case (3, "multipart-nar"):
            let values = try values(of: query)
            switch words[2] {
            case "complete": return .completeUpload(try ticket(words[1], values))
            case "abort": return .abortUpload(try ticket(words[1], values))
            default: return try part(words[1], words[2], values)
            }
        default:
            let item = try item(words, query: query)
            switch item {
            // It would be sent, or asked for, in another way here.
            case .sentNAR, .deltas: throw .notFound
            default: return .item(item)
            }
        }
    }

    private static func compression(
        _ values: [String: String]
    ) throws(CacheError) -> NARCompression {
        switch values["compression"] {
        case "zst": .zstd
        case "xz": .xz
        default: throw .malformed("compression is zst or xz")
        }
    }

    /// What has another shape was not given out here.
    private static func ticket(
        _ id: String,
        _ values: [String: String]
    ) throws(CacheError) -> UploadTicket {
        guard let id = UploadID(parsing: id),
            let secret = values["uploadId"].flatMap({ UploadSecret(parsing: $0) })
        else { throw .notFound }
        return UploadTicket(id: id, secret: secret)
    }

    private static func part(
        _ id: String,
        _ number: String,
        _ values: [String: String]
    ) throws(CacheError) -> CachixItem {
        guard let id = UploadID(parsing: id), let number = Int(number),
            let md5 = try? Base16.decode(values["md5"] ?? ""),
            let place = PartPlace(number: number, md5: md5),
            let key = values["key"].flatMap({ UploadSecret(parsing: $0) })
        else { throw .notFound }
        return .part(id, place, key: key)
    }

    private static func values(
        of query: some StringProtocol
    ) throws(CacheError) -> [String: String] {
        var values: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = try text(halves[0]), let value = try text(halves.last ?? "") else {
                throw .malformed("the query is not UTF-8")
            }
            values[name] = value
        }
        return values
    }

    private static func text(_ encoded: some StringProtocol) throws(CacheError) -> String? {
        String(validating: try percentDecoded(encoded.utf8), as: UTF8.self)
    }
}
