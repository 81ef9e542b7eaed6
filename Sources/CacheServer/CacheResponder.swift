// SPDX-License-Identifier: Apache-2.0
package import CacheService
package import HTTPTypes
package import Logging

/// Turns a parsed request into an answer; knows no socket, so it is tested without one.
package struct CacheResponder: Sendable {
    let tier: StoreTier
    let metrics: ServerMetrics
    let priority: Int
    let logger: Logger

    package init(tier: StoreTier, metrics: ServerMetrics, priority: Int, logger: Logger) {
        self.tier = tier
        self.metrics = metrics
        self.priority = priority
        self.logger = logger
    }

    /// Answers one request, errors included; the target is as it came, percent-encoded, with its query.
    package func answer(
        method: HTTPRequest.Method,
        target: String,
        facts: RequestFacts
    ) async -> Answer {
        guard method == .get || method == .head else { return ErrorResponse.methodNotAllowed() }
        do {
            return try await answer(to: Endpoint(parsing: target), facts)
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
        case .cacheInfo: cacheInfo(facts)
        case .narInfo(let hash): try await narInfo(hash, facts)
        case .listing(let hash): try await listing(hash, facts)
        case .nar(let request): try await nar(request, facts)
        case .log(let path): try await log(path, facts)
        case .realisation(let id): try await realisation(id, facts)
        case .buildTrace(let drv, let output): try await buildTrace(drv, output, facts)
        case .debugInfo(let buildID): try await debugInfo(buildID, facts)
        case .file(let hash, let components): try await file(hash, components, facts)
        case .alive: alive(facts)
        case .ready: await ready(facts)
        case .metrics: await metricsPage(facts)
        }
    }

    private func report(_ error: CacheError, _ target: String) {
        switch error {
        case .notFound, .malformed: break
        case .storageUnavailable(let cause):
            logger.error("no answer", metadata: ["target": "\(target)", "cause": "\(cause)"])
        }
    }
}
