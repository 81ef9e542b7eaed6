// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import Foundation
import Testing

/// `docs/operations/metrics.md` names exactly what the page has.
@Suite struct MetricsDocumentationTests {
    private let documented: String

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        documented = try String(
            contentsOf: root.appending(path: "docs/operations/metrics.md"),
            encoding: .utf8
        )
    }

    @Test func everyFamilyIsDocumentedWithItsTypeAndNoOther() {
        let page = MetricsPage(
            metrics: ServerMetrics(),
            tier: .sample(),
            others: OtherTiers(tiers: [], misses: 0, transfers: 0)
        ).text
        let onPage = page.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
            .map { $0.dropFirst(7) }
        let inTable = documented.split(separator: "\n").compactMap { line -> Substring? in
            let cells = line.split(separator: "|").map { $0.filter { $0 != " " && $0 != "`" } }
            let types = ["counter", "gauge", "histogram"]
            guard cells.count > 2, types.contains(cells[1]) else { return nil }
            return "\(cells[0]) \(cells[1])"[...]
        }
        #expect(onPage.sorted() == inTable.sorted())
        #expect(Set(onPage).count == onPage.count)
    }

    @Test func everyEndpointIsDocumented() {
        for kind in EndpointKind.allCases {
            #expect(documented.contains("`\(kind.label)`"))
        }
    }
}
