// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import FirnAPI
import Foundation
import NixFormat

extension CacheResponder {
    /// `api/v1/caches/…`: what `firn cache` asks for.
    func caches(_ order: CacheOrder, _ facts: RequestFacts) async throws -> Answer {
        guard let named = cache.named else {
            throw CacheError.malformed(
                "this server has no depot, and caches are kept in it; set depot.location"
            )
        }
        let visitor = try await visitor(facts, of: named)
        switch order {
        case .create:
            let change = try body(facts, as: CacheChange.self)
            var settings = CacheSettings()
            try Self.requireRange(change)
            change.apply(to: &settings)
            let made = try await named.create(Self.cacheName(change.name), settings, by: visitor)
            return try json(CacheReport(made), facts)
        case .list:
            let all = try await named.list(for: visitor)
            return try json(CacheListReport(caches: all.map(CacheReport.init)), facts)
        case .info:
            let name = try Self.cacheName(body(facts, as: CacheReference.self).name)
            return try json(CacheReport(await named.info(name, for: visitor)), facts)
        case .configure:
            let change = try body(facts, as: CacheChange.self)
            try Self.requireRange(change)
            let changed = try await named.configure(Self.cacheName(change.name), by: visitor) {
                change.apply(to: &$0)
            }
            return try json(CacheReport(changed), facts)
        case .delete:
            let name = try Self.cacheName(body(facts, as: CacheReference.self).name)
            return try json(CacheReport(await named.delete(name, by: visitor)), facts)
        case .remove:
            let request = try body(facts, as: PathRemovalRequest.self)
            guard (1...PathRemovalRequest.mostPaths).contains(request.hashes.count) else {
                throw CacheError.malformed(
                    "1 to \(PathRemovalRequest.mostPaths) paths go together"
                )
            }
            let name = try Self.cacheName(request.cache)
            let removal = try await named.remove(
                Set(try request.hashes.map { try Endpoint.hash($0) }),
                from: name,
                request.options,
                by: visitor
            )
            let report = PathRemovalReport(
                removal,
                request,
                from: name,
                in: tier.storeDirectory
            )
            return try json(report, facts)
        }
    }

    /// An order's body.
    func body<Body: Decodable>(_ facts: RequestFacts, as type: Body.Type) throws -> Body {
        do throws(FirnJSON.ParseError) {
            return try FirnJSON.parse(facts.order ?? [], as: type)
        } catch {
            throw CacheError.malformed("not an order of this kind: \(error)")
        }
    }

    static func cacheName(_ text: String) throws -> CacheName {
        do throws(CacheName.ParseError) {
            return try CacheName(parsing: text)
        } catch {
            throw CacheError.malformed(
                "a cache cannot be called \"\(text.prefix(60))\": it \(error)"
            )
        }
    }

    private static func requireRange(_ change: CacheChange) throws {
        if let priority = change.priority, !(0...65_535).contains(priority) {
            throw CacheError.malformed("a priority is from 0 to 65535")
        }
        if let seconds = change.retentionSeconds, seconds < 3_600 {
            throw CacheError.malformed("a retention is an hour at least")
        }
        let bounds = [change.quotaBytes, change.maximumNARBytes].compactMap(\.self)
        if bounds.contains(where: { $0 > UInt64(Int64.max) || $0 == 0 }) {
            throw CacheError.malformed("a size is more than nothing, and less than 8 EiB")
        }
    }
}

extension CacheChange {
    fileprivate func apply(to settings: inout CacheSettings) {
        if let isPublic { settings.isPublic = isPublic }
        if let priority { settings.priority = priority }
        if let quotaBytes { settings.quotaBytes = quotaBytes }
        if let retentionSeconds { settings.retentionSeconds = retentionSeconds }
        if let maximumNARBytes { settings.maximumNARBytes = maximumNARBytes }
        if let upstreams { settings.upstreams = upstreams }
        for bound in without {
            switch bound {
            case .quota: settings.quotaBytes = nil
            case .retention: settings.retentionSeconds = nil
            case .maximumNARSize: settings.maximumNARBytes = nil
            case .upstreams: settings.upstreams = nil
            }
        }
    }
}

extension CacheReport {
    fileprivate init(_ standing: CacheStanding) {
        let settings = standing.cache.settings
        self.init(
            name: "\(standing.cache.name)",
            isPublic: settings.isPublic,
            quotaBytes: settings.quotaBytes,
            retentionSeconds: settings.retentionSeconds,
            maximumNARBytes: settings.maximumNARBytes,
            priority: settings.priority,
            upstreams: settings.upstreams,
            publicKey: "\(standing.cache.publicKey)",
            createdAt: Timestamp(unixSeconds: standing.cache.createdAt),
            isDeclared: standing.cache.isDeclared,
            paths: standing.paths,
            sizeBytes: standing.sizeBytes
        )
    }
}

extension PathRemovalRequest {
    fileprivate var options: PathRemoval.Options {
        var options: PathRemoval.Options = []
        if withReferrers { options.insert(.withReferrers) }
        if isDryRun { options.insert(.dryRun) }
        return options
    }
}

extension PathRemovalReport {
    fileprivate init(
        _ removal: PathRemoval,
        _ request: PathRemovalRequest,
        from cache: CacheName,
        in directory: StoreDirectory
    ) {
        let name = { (path: PathRemoval.Path) in
            path.path.map { directory.path(of: $0) } ?? "\(path.hash)"
        }
        self.init(
            cache: "\(cache)",
            isDryRun: request.isDryRun,
            removed: removal.removed.map { Path(path: name($0), sizeBytes: $0.sizeBytes) },
            refused: removal.obstacles.map { obstacle in
                Obstacle(
                    path: name(obstacle.path),
                    referrers: obstacle.referrers.map(name),
                    referrerCount: obstacle.referrerCount,
                    pins: obstacle.pins
                )
            },
            absent: removal.absent.map { "\($0)" }
        )
    }
}

extension Timestamp {
    init(unixSeconds: Int64) {
        self.init(Date(timeIntervalSince1970: TimeInterval(unixSeconds)))
    }
}
