// SPDX-License-Identifier: Apache-2.0
package import CacheService
import FirnAPI
package import HTTPTypes
package import Logging

/// Turns a parsed request into an answer; knows no socket, so it is tested without one.
package struct CacheResponder: Sendable {
    let cache: TieredCache
    var tier: StoreTier { cache.store }
    let metrics: ServerMetrics
    let priority: Int
    let metricsReaders: PageReaders
    let statusReaders: PageReaders
    /// What the tiers were like.
    let history: StatusHistory
    /// What is known of the fleet; `nil` where there is none to know of.
    let deployed: (any DeployedHosts)?
    let node: Node
    let logger: Logger

    package init(
        cache: TieredCache,
        metrics: ServerMetrics,
        priority: Int,
        metricsReaders: PageReaders = .all,
        statusReaders: PageReaders = .thisMachine,
        history: StatusHistory = StatusHistory(),
        deployed: (any DeployedHosts)? = nil,
        node: Node,
        logger: Logger
    ) {
        self.cache = cache
        self.metrics = metrics
        self.priority = priority
        self.metricsReaders = metricsReaders
        self.statusReaders = statusReaders
        self.history = history
        self.deployed = deployed
        self.node = node
        self.logger = logger
    }

    /// Answers one request, errors included; the target is as it came, percent-encoded, with its query.
    package func answer(
        method: HTTPRequest.Method,
        target: String,
        facts: RequestFacts
    ) async -> Answer {
        guard method == .get || method == .head || (method == .post && facts.order != nil) else {
            return ErrorResponse.methodNotAllowed()
        }
        let nodes = facts.via.map(Self.nodes) ?? []
        guard !nodes.contains(node.id) else {
            return ErrorResponse.loop(at: node.id, isHead: facts.isHead)
        }
        do {
            let endpoint = try Endpoint(parsing: target)
            guard (facts.order != nil) == endpoint.isOrder else {
                return ErrorResponse.methodNotAllowed()
            }
            return try await cache.onBehalf(of: nodes) { try await answer(to: endpoint, facts) }
        } catch let error as CacheError {
            report(error, target)
            return ErrorResponse.answer(to: error, isHead: facts.isHead)
        } catch is CancellationError {
            return ErrorResponse.internalError(isHead: facts.isHead)
        } catch {
            logger.error("request failed", metadata: ["target": "\(target)", "cause": "\(error)"])
            return ErrorResponse.internalError(isHead: facts.isHead)
        }
    }

    private func answer(to endpoint: Endpoint, _ facts: RequestFacts) async throws -> Answer {
        switch endpoint {
        case .landing: landing(facts)
        case .statusPage: try await statusPage(facts)
        case .statusEvents: try await statusEvents(facts)
        case .cacheInfo: cacheInfo(facts)
        case .narInfo(let hash): try await narInfo(hash, facts)
        case .listing(let hash): try await listing(hash, facts)
        case .closure(let hash): try await closure(hash, facts)
        case .nar(let request): try await nar(request, facts)
        case .log(let path): try await log(path, facts)
        case .realisation(let id): try await realisation(id, facts)
        case .buildTrace(let drv, let output): try await buildTrace(drv, output, facts)
        case .debugInfo(let buildID): try await debugInfo(buildID, facts)
        case .file(let hash, let components): try await file(hash, components, facts)
        case .alive: alive(facts)
        case .ready: await ready(facts)
        case .metrics: try await metricsPage(facts)
        case .firn(let route): try await firn(route, facts)
        case .named(let name, let item): try await named(item, in: name, facts)
        case .cachix(let name, let item): try await cachix(item, in: name, facts)
        }
    }

    /// Firn's own questions are for people on this machine, to others there is nothing there; who a
    /// cache is, and what is ordered of caches and tokens, say for themselves who may.
    private func firn(_ route: FirnRoute, _ facts: RequestFacts) async throws -> Answer {
        switch route {
        case .caches(let order): return try await caches(order, facts)
        case .tokens(let order): return try await tokens(order, facts)
        case .pins(let order): return try await pins(order, facts)
        // Only with a body, which goes another way.
        case .push, .deltas: return ErrorResponse.methodNotAllowed("POST")
        case .identity(let cache): return try await identity(cache, facts)
        case .status, .explain, .collect: break
        }
        guard facts.isFromThisMachine else { throw CacheError.notFound }
        switch route {
        case .status: return try status(facts)
        case .explain(let hash): return try await explain(hash, facts)
        case .collect where facts.isControl: return try await collect(facts)
        case .collect, .identity, .caches, .tokens, .pins, .push, .deltas:
            throw CacheError.notFound
        }
    }

    /// The names of nodes are bounded, and so are their number.
    private static func nodes(in field: String) -> [String] {
        field.split(separator: ",").prefix(32)
            .map { $0.trimmingPrefix(while: { $0 == " " }).prefix(64) }
            .map(String.init)
    }

    func report(_ error: CacheError, _ target: String) {
        switch error {
        case .notFound, .malformed, .notAllowed, .conflict: break
        case .refused(let reason), .tooLarge(let reason), .tooMany(let reason),
            .noRoom(let reason):
            logger.info("refused", metadata: ["target": "\(target)", "cause": "\(reason)"])
        case .storageUnavailable(let cause):
            logger.error("no answer", metadata: ["target": "\(target)", "cause": "\(cause)"])
        }
    }
}
