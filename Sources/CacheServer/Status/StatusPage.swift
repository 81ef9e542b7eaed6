// SPDX-License-Identifier: Apache-2.0
package import CacheService
import Caches
package import FirnAPI
package import Foundation

/// The page about what goes on, and the part of it that changes.
package struct StatusPage: Sendable {
    /// All that is on it.
    package struct Facts: Sendable {
        package var report: StatusReport
        /// Lookups that nobody had an answer to.
        package var missCount: UInt64
        package var caches: [CacheFigures]
        package var nextToGo: [CollectedNAR]
        package var moments: [StatusHistory.Moment]
        /// `nil` for those who are not to know of hosts.
        package var fleet: Fleet?
        package var now: Date

        package init(
            report: StatusReport,
            missCount: UInt64,
            caches: [CacheFigures],
            nextToGo: [CollectedNAR],
            moments: [StatusHistory.Moment],
            fleet: Fleet? = nil,
            now: Date
        ) {
            self.report = report
            self.missCount = missCount
            self.caches = caches
            self.nextToGo = nextToGo
            self.moments = moments
            self.fleet = fleet
            self.now = now
        }
    }

    private let facts: Facts
    private var report: StatusReport { facts.report }

    package init(_ facts: Facts) { self.facts = facts }

    package var html: HTML {
        PageFrame.page(
            title: "Status – Firn",
            """
            <h1>Status</h1>
            <p>Firn \(report.version), store <code>\(report.storeDirectory)</code>, priority \
            \(report.priority), running since \(time(report.startedAt.date)). \
            <a href="/">How to use this cache</a>.</p>
            <p id="note" role="status">As it was at \(time(facts.now)). <a href="/status">Show it \
            again</a>.</p>
            <div id="live">
            \(live)</div>

            """,
            script: PageFrame.liveScript
        )
    }

    /// Each section has an identifier by which a browser replaces it.
    package var live: HTML {
        var html: HTML = ""
        for (id, title, body) in sections {
            html += """
                <section id="\(id)" aria-labelledby="\(id)-title">
                <h2 id="\(id)-title">\(title)</h2>
                \(body)</section>

                """
        }
        return html
    }

    private var sections: [(id: String, title: String, body: HTML)] {
        [
            ("tiers", "Tiers", tiers), ("answers", "Where answers come from", answers),
            ("depot", "Depot", depot), ("transfers", "Transfers", transfers),
            ("caches", "Caches and pushes", caches),
        ] + (facts.fleet.map { [("deployments", "Deployments", deployments($0))] } ?? [])
    }

    func time(_ date: Date) -> HTML {
        let text = Timestamp(date).description
        return "<time datetime=\"\(text)\">\(text.replacing("T", with: " "))</time>"
    }
}

// MARK: Tables

extension StatusPage {
    /// A table that can be scrolled with the keyboard where it is wider than the screen.
    func table(_ label: String, _ heads: [String], _ rows: [[HTML]]) -> HTML {
        var html: HTML = """
            <div class="wide" role="region" tabindex="0" aria-label="\(label)"><table><thead><tr>
            """
        for head in heads { html += "<th scope=\"col\">\(head)</th>" }
        html += "</tr></thead><tbody>\n"
        for row in rows {
            html += "<tr>"
            for (column, cell) in row.enumerated() {
                html += column == 0 ? "<th scope=\"row\">\(cell)</th>" : "<td>\(cell)</td>"
            }
            html += "</tr>\n"
        }
        html += "</tbody></table></div>\n"
        return html
    }

    private var tiers: HTML {
        guard !report.tiers.isEmpty else {
            return "<p>None: nothing is fetched from other caches.</p>\n"
        }
        var html = table(
            "Tiers",
            ["Tier", "State", "Latency", "Over time", "Asked", "Failed", "Received"],
            report.tiers.map { tier in
                [
                    "\(tier.name)", state(tier.state),
                    "\(tier.latency.map { PageText.latency($0.duration) } ?? "–")",
                    LatencyChart(tier: tier.name, moments: facts.moments).html ?? "–",
                    "\(PageText.count(tier.requests))", "\(PageText.count(tier.failures))",
                    "\(PageText.bytes(tier.narBytes))",
                ]
            }
        )
        for tier in report.tiers { html += details(tier) }
        return html
    }

    private func details(_ tier: StatusReport.Tier) -> HTML {
        var html: HTML = "<details><summary>Addresses of \(tier.name)</summary><ul>\n"
        for address in tier.addresses {
            let latency = address.latency.map { ", \(PageText.latency($0.duration))" } ?? ""
            let use = address.isChosen ? ", in use" : ""
            let failure = address.lastFailure.map { ", last failure: \($0)" } ?? ""
            html +=
                "<li><code>\(address.url)</code> \(state(address.state))\(latency)\(use)\(failure)</li>\n"
        }
        html += "</ul></details>\n"
        return html
    }

    /// In words, so that it does not hang on a colour.
    private func state(_ state: StatusReport.TierState) -> HTML {
        switch state {
        case .up: "<span class=\"up\">● up</span>"
        case .down: "<span class=\"down\">✕ down</span>"
        case .resting: "<span class=\"rest\">▲ resting</span>"
        case .unknown: "<span>○ not asked yet</span>"
        case .unrecognised(let word): "<span>\(word)</span>"
        }
    }

    /// The store hash, by which `firn explain` finds the path, and the form; the rest would fill a line.
    private func nar(_ name: String) -> HTML {
        let file = name.split(separator: "/").last.map(String.init) ?? name
        let form = file.firstIndex(of: ".").map { file[$0...] } ?? ""
        let isLong = file.count > 32 + form.count
        return "<code title=\"\(file)\">\(isLong ? "\(file.prefix(32))…\(form)" : file)</code>"
    }

    private var answers: HTML {
        var rows = [row("store", report.store.hits, report.store.misses)]
        rows += report.tiers.map { row($0.name, $0.hits, $0.misses) }
        let all = report.tiers.reduce(report.store.hits) { $0 + $1.hits } + facts.missCount
        rows.append(
            [
                "nobody", "\(PageText.count(facts.missCount))", "–",
                "\(PageText.share(facts.missCount, of: all)) of all",
            ]
        )
        var html = table("Where answers come from", ["Tier", "Had it", "Had it not", "Hits"], rows)
        if let depot = report.depot, depot.hits + depot.misses > 0 {
            html += """
                <p>NARs came from the depot \(PageText.count(depot.hits)) times, and were read from the \
                store \(PageText.count(depot.misses)) times \
                (\(PageText.share(depot.hits, of: depot.hits + depot.misses))).</p>

                """
        }
        return html
    }

    private func row(_ name: String, _ hits: UInt64, _ misses: UInt64) -> [HTML] {
        [
            "\(name)", "\(PageText.count(hits))", "\(PageText.count(misses))",
            meter(hits, of: hits + misses, label: "hits of \(name)"),
        ]
    }

    private func meter(_ part: UInt64, of whole: UInt64, label: String) -> HTML {
        let share = PageText.share(part, of: whole)
        guard whole > 0 else { return "\(share)" }
        return """
            <meter min="0" max="\(whole)" value="\(part)" aria-label="\(label)">\(share)</meter> \(share)
            """
    }

    private var depot: HTML {
        guard let depot = report.depot else { return "<p>None: nothing is kept.</p>\n" }
        let used = depot.storedBytes + depot.pendingBytes
        var html: HTML = """
            <p>\(meter(used, of: depot.maximumBytes, label: "use of the depot")): \
            \(PageText.bytes(used)) of \(PageText.bytes(depot.maximumBytes)), \
            \(PageText.count(depot.objects)) objects.</p>

            """
        if let trouble = depot.trouble { html += "<p class=\"down\">✕ \(trouble)</p>\n" }
        guard !facts.nextToGo.isEmpty else { return html }
        html += "<h3>What would go next</h3>\n"
        html += table(
            "What would go next",
            ["NAR", "Size", "Last used"],
            facts.nextToGo.map { object in
                [
                    nar(object.name), "\(PageText.bytes(object.sizeBytes))",
                    time(object.lastUsedAt),
                ]
            }
        )
        return html
    }

    private var transfers: HTML {
        guard !report.transfers.isEmpty else { return "<p>None at this moment.</p>\n" }
        return table(
            "Transfers",
            ["NAR", "From", "Received", "Readers"],
            report.transfers.map { transfer in
                let bar: HTML =
                    transfer.sizeBytes.map {
                        meter(min(transfer.receivedBytes, $0), of: $0, label: "received")
                    } ?? ""
                return [
                    nar(transfer.nar), "\(transfer.tier)",
                    "\(bar) \(PageText.bytes(transfer.receivedBytes))", "\(transfer.readers)",
                ]
            }
        )
    }

    private var caches: HTML {
        guard !facts.caches.isEmpty else {
            return "<p>There is no cache here that can be pushed to, or none for you to see.</p>\n"
        }
        return table(
            "Caches and pushes",
            ["Cache", "Paths", "Size", "Quota", "Pushed", "Refused", "Hits"],
            facts.caches.map { cache in
                let quota: HTML =
                    cache.quotaBytes.map {
                        meter(cache.sizeBytes, of: $0, label: "quota of \(cache.name)")
                    } ?? "–"
                return [
                    "\(cache.name.description)", "\(PageText.count(UInt64(cache.paths)))",
                    "\(PageText.bytes(cache.sizeBytes))", quota,
                    "\(PageText.count(cache.accepted))", "\(PageText.count(cache.refused))",
                    "\(PageText.share(cache.hits, of: cache.hits + cache.misses))",
                ]
            }
        )
    }
}
