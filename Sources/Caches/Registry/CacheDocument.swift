// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixFormat

extension NamedCache {
    /// Why a document is not one.
    package struct DocumentError: Error, Hashable, Sendable {
        package let reason: String
    }

    /// What lies beside the narinfos of a cache, so that a lost catalog can be made again.
    ///
    /// - Shape: One JSON object, keys in kebab-case and sorted, and a line end.
    package func document() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(Document(self))) + [UInt8(ascii: "\n")]
        } catch {
            preconditionFailure("texts and numbers can be written as JSON: \(error)")
        }
    }

    /// Reads what ``document()`` writes; keys that are not known are passed over.
    package init(document: [UInt8]) throws(DocumentError) {
        do {
            self = try JSONDecoder().decode(Document.self, from: Data(document)).cache()
        } catch {
            throw DocumentError(reason: "\(error)")
        }
    }
}

private struct Document: Codable {
    var name: String
    var isPublic: Bool
    var quotaBytes: UInt64?
    var retentionSeconds: Int64?
    var maximumNARBytes: UInt64?
    var priority: Int
    var upstreams: [String]?
    var publicKey: String
    var createdAt: Int64
    var isDeclared: Bool

    enum CodingKeys: String, CodingKey {
        case name, priority, upstreams
        case isPublic = "public"
        case quotaBytes = "quota-bytes"
        case retentionSeconds = "retention-seconds"
        case maximumNARBytes = "max-nar-bytes"
        case publicKey = "public-key"
        case createdAt = "created-at"
        case isDeclared = "declared"
    }

    init(_ cache: NamedCache) {
        name = "\(cache.name)"
        isPublic = cache.settings.isPublic
        quotaBytes = cache.settings.quotaBytes
        retentionSeconds = cache.settings.retentionSeconds
        maximumNARBytes = cache.settings.maximumNARBytes
        priority = cache.settings.priority
        upstreams = cache.settings.upstreams
        publicKey = "\(cache.publicKey)"
        createdAt = cache.createdAt
        isDeclared = cache.isDeclared
    }

    func cache() throws -> NamedCache {
        NamedCache(
            name: try CacheName(parsing: name),
            settings: CacheSettings(
                isPublic: isPublic,
                quotaBytes: quotaBytes,
                retentionSeconds: retentionSeconds,
                maximumNARBytes: maximumNARBytes,
                priority: priority,
                upstreams: upstreams
            ),
            publicKey: try PublicKey(parsing: publicKey),
            createdAt: createdAt,
            isDeclared: isDeclared
        )
    }
}
