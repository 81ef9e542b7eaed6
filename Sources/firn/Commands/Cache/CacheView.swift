// SPDX-License-Identifier: Apache-2.0
import FirnAPI

/// Caches as a person reads them.
enum CacheView {
    static func lines(_ cache: CacheReport) -> [String] {
        let rows = [
            ("cache", "\(cache.name)\(cache.isDeclared ? " (declared in firn.toml)" : "")"),
            ("reading", cache.isPublic ? "public" : "with a token"),
            ("public key", cache.publicKey),
            ("paths", Quantity.count(UInt64(cache.paths))),
            ("size", size(cache)),
            ("retention", retention(cache)),
            ("max NAR size", cache.maximumNARBytes.map(Quantity.bytes) ?? "no bound"),
            ("priority", "\(cache.priority)"),
            ("upstreams", upstreams(cache)),
            ("created", "\(cache.createdAt)"),
        ]
        return rows.map { name, value in
            name + String(repeating: " ", count: 14 - name.count) + value
        }
    }

    static func table(_ caches: [CacheReport], _ style: TextStyle) -> [String] {
        guard !caches.isEmpty else { return ["no caches; firn cache create NAME makes one"] }
        var table = TextTable([.left, .left, .right, .right, .left])
        table.add(["CACHE", "READING", "PATHS", "SIZE", "RETENTION"])
        for cache in caches {
            table.add([
                TextTable.Cell(cache.name),
                TextTable.Cell(cache.isPublic ? "public" : "token"),
                TextTable.Cell(Quantity.count(UInt64(cache.paths))),
                TextTable.Cell(size(cache)),
                TextTable.Cell(retention(cache)),
            ])
        }
        return table.lines(style)
    }

    private static func size(_ cache: CacheReport) -> String {
        let taken = Quantity.bytes(cache.sizeBytes)
        return cache.quotaBytes.map { "\(taken) of \(Quantity.bytes($0))" } ?? taken
    }

    private static func retention(_ cache: CacheReport) -> String {
        cache.retentionSeconds.map { "\(TimeSpan(seconds: $0))" } ?? "for ever"
    }

    private static func upstreams(_ cache: CacheReport) -> String {
        guard let names = cache.upstreams else { return "all tiers of the server" }
        return names.isEmpty ? "none" : names.joined(separator: ", ")
    }
}
