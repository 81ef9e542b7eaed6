// SPDX-License-Identifier: Apache-2.0
import CacheService
import Foundation
import HTTPTypes

extension CacheResponder {
    private static let shownDepartures = 5

    /// `/status`: how everything is, and how it becomes.
    func statusPage(_ facts: RequestFacts) async throws -> Answer {
        try requireStatusReader(facts)
        let html = StatusPage(await statusFacts(facts)).html
        return PageFrame.representation(of: html, entityTag: nil, hasScript: true).answer(to: facts)
    }

    /// `/status/events`: the changing part of the page, whenever it changes.
    func statusEvents(_ facts: RequestFacts) async throws -> Answer {
        try requireStatusReader(facts)
        var answer = Answer(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                .xContentTypeOptions: "nosniff",
            ]
        )
        // nginx keeps an answer back until it has some of it, unless told.
        if let name = HTTPField.Name("X-Accel-Buffering") { answer.headers[name] = "no" }
        guard !facts.isHead else { return answer }
        guard history.startWatching() else {
            throw CacheError.tooMany("too many pages are open already")
        }
        let events = StatusEvents(history) { [self] in StatusPage(await statusFacts(facts)).live }
        answer.body = [.source(open: { _ in events }, range: nil, sizeBytes: nil)]
        return answer
    }

    private func requireStatusReader(_ facts: RequestFacts) throws(CacheError) {
        guard statusReaders == .all || facts.isFromThisMachine else { throw .notFound }
    }

    private func statusFacts(_ facts: RequestFacts) async -> StatusPage.Facts {
        StatusPage.Facts(
            report: statusReport(),
            missCount: cache.missCount,
            caches: await cacheFigures(facts),
            nextToGo: (try? await cache.nextToGo(limit: Self.shownDepartures)) ?? [],
            moments: history.moments,
            fleet: await fleet(facts),
            now: Date()
        )
    }

    /// Hosts are shown to programs of this machine alone, as private caches are.
    private func fleet(_ facts: RequestFacts) async -> StatusPage.Fleet? {
        guard facts.isFromThisMachine, let deployed else { return nil }
        do {
            return .hosts(try await deployed.hosts())
        } catch {
            return .unreadable(reason: "\(error)")
        }
    }
}
