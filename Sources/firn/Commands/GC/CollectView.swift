// SPDX-License-Identifier: Apache-2.0
package import FirnAPI
package import Foundation

/// What a collection let go of, as a person reads it; a dry run names each object.
package struct CollectView: Sendable {
    private let report: CollectReport
    private let now: Date

    package init(_ report: CollectReport, at now: Date) {
        self.report = report
        self.now = now
    }

    package func lines(_ style: TextStyle) -> [String] {
        let sums = cacheSums + [sum]
        guard report.isDryRun, !report.objects.isEmpty else { return sums }
        var table = TextTable([.right, .left, .left])
        table.add(["SIZE", "LAST SENT", "OBJECT"])
        for object in report.objects {
            table.add([
                TextTable.Cell(Quantity.bytes(object.sizeBytes)),
                TextTable.Cell(age(of: object.usedAt)),
                TextTable.Cell(object.name),
            ])
        }
        return table.lines(style) + [""] + sums
    }

    /// One line for each cache that did without something.
    private var cacheSums: [String] {
        let byCache = Dictionary(grouping: report.paths ?? [], by: \.cache)
        let verb = report.isDryRun ? "would leave" : "left"
        return byCache.sorted { $0.key < $1.key }.map { cache, paths in
            let count = UInt64(paths.count)
            let bytes = paths.reduce(UInt64(0)) { $0 + $1.sizeBytes }
            return "\(Quantity.count(count)) path\(count == 1 ? "" : "s") \(verb) cache \(cache),"
                + " \(Quantity.bytes(bytes))"
        }
    }

    private var sum: String {
        let count = UInt64(report.objects.count)
        let objects = "\(Quantity.count(count)) object\(count == 1 ? "" : "s")"
        let verb = report.isDryRun ? "would be freed" : "freed"
        return "\(Quantity.bytes(report.freedBytes)) \(verb), \(objects)"
    }

    private func age(of instant: Timestamp?) -> String {
        guard let instant else { return "never" }
        let seconds = max(0, now.timeIntervalSince(instant.date).rounded(.down))
        return "\(Quantity.time(.seconds(seconds))) ago"
    }
}
