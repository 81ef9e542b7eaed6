// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import FirnAPI
import Foundation
import Testing

/// The page about what goes on, as markup.
@Suite struct StatusPageTests {
    private static let hostile = "<img src=x onerror=\"alert('1')\">&"

    private func facts(_ name: String, _ moments: [StatusHistory.Moment] = []) -> StatusPage.Facts {
        let address = StatusReport.Address(
            url: name,
            isChosen: true,
            state: .unrecognised(name),
            latency: nil,
            lastFailure: name
        )
        let tier = StatusReport.Tier(
            name: name,
            state: .up,
            latency: Milliseconds(.milliseconds(12)),
            isFirn: true,
            lastFailure: name,
            requests: 1,
            failures: 0,
            narBytes: 1_234_567,
            hits: 3,
            misses: 1,
            addresses: [address]
        )
        return StatusPage.Facts(
            report: StatusReport(
                version: name,
                node: name,
                startedAt: Timestamp(Date(timeIntervalSince1970: 0)),
                storeDirectory: name,
                priority: 30,
                store: StatusReport.Store(hits: 9, misses: 1),
                depot: StatusReport.Depot(
                    location: name,
                    objects: 7,
                    storedBytes: 250,
                    pendingBytes: 0,
                    maximumBytes: 1_000,
                    hits: 0,
                    misses: 0,
                    trouble: name
                ),
                tiers: [tier],
                transfers: [
                    StatusReport.Transfer(
                        nar: name,
                        tier: name,
                        receivedBytes: 10,
                        sizeBytes: 5,
                        readers: 2
                    )
                ]
            ),
            missCount: 1,
            caches: [],
            nextToGo: [],
            moments: moments,
            fleet: .hosts([deployed(name), DeployedHost(name: name, deployments: [])]),
            now: Date(timeIntervalSince1970: 60)
        )
    }

    private func deployed(_ name: String) -> DeployedHost {
        let deployments = [DeployedHost.Deployment.Ending.good, .left, .bad].map { ending in
            DeployedHost.Deployment(
                startedAt: Date(timeIntervalSince1970: 30),
                took: .seconds(12),
                action: name,
                strategy: name,
                outcome: name,
                ending: ending,
                reason: name,
                system: name,
                by: name
            )
        }
        return DeployedHost(
            name: name,
            deployments: deployments,
            queuedAt: Date(timeIntervalSince1970: 40)
        )
    }

    @Test func hostsAreShownAsTheirLastDeploymentLeftThem() {
        let markup = StatusPage(facts("samsung")).live.markup
        #expect(markup.contains("<section id=\"deployments\""))
        #expect(markup.contains("<span class=\"up\">● samsung</span><br>▲ queued since <time"))
        #expect(markup.contains("○ not deployed from here"))
        #expect(markup.contains("<td>12.0 s</td>"))
        #expect(markup.contains("✕ samsung</span>: samsung, by samsung"))
    }

    @Test func whoIsNotToKnowOfHostsSeesNone() {
        var facts = facts("p620")
        facts.fleet = nil
        #expect(!StatusPage(facts).html.markup.contains("Deployments"))
        facts.fleet = .unreadable(reason: Self.hostile)
        let markup = StatusPage(facts).html.markup
        #expect(markup.contains("The receipts cannot be read: &lt;img"))
        #expect(!markup.contains("<img"))
    }

    @Test func everythingIsEscapedWhereverItStands() {
        let page = StatusPage(facts(Self.hostile))
        for markup in [page.html.markup, page.live.markup] {
            #expect(!markup.contains("<img"))
            #expect(!markup.contains("onerror=\""))
            #expect(
                markup.contains("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;")
            )
        }
    }

    @Test func numbersAreThereForPeople() {
        let markup = StatusPage(facts("p620")).live.markup
        #expect(markup.contains("<span class=\"up\">● up</span>"))
        #expect(markup.contains("<td>12 ms</td>"))
        #expect(markup.contains("<td>1.2 MB</td>"))
        #expect(markup.contains("aria-label=\"hits of p620\">75 %</meter> 75 %"))
        #expect(markup.contains("250 B of 1.0 kB"))
        // More than was promised is not more than all.
        #expect(markup.contains("max=\"5\" value=\"5\""))
    }

    @Test func aTierThatWasSilentHasAGapInItsLine() throws {
        let moments = (0..<5).map { place in
            let isUp = place != 2
            return StatusHistory.Moment(
                time: Date(timeIntervalSince1970: Double(place) * 60),
                latencies: isUp ? ["p620": .milliseconds(10 + place)] : [:],
                up: isUp ? ["p620"] : []
            )
        }
        let markup = StatusPage(facts("p620", moments)).live.markup
        #expect(markup.matches(of: /<polyline[ ]/).count == 2)
        let label = try #require(markup.firstMatch(of: /aria-label="(between [^"]+)"/)).1
        #expect(label == "between 10 ms and 14 ms in the last 4 min, silent for 20 %")
    }

    @Test func theHistoryIsBounded() {
        let history = StatusHistory()
        for place in 0..<1_000 {
            let time = Date(timeIntervalSince1970: Double(place))
            history.note(StatusHistory.Moment(time: time, latencies: [:], up: []))
        }
        #expect(history.moments.count == 360)
        #expect(history.moments.last?.time == Date(timeIntervalSince1970: 999))
    }
}
