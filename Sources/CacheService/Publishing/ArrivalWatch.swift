// SPDX-License-Identifier: Apache-2.0
package import Logging
import NixFormat
import NixStore
import ServiceLifecycle

/// Hands every path that becomes valid in the store to the ``ObjectMaker``.
///
/// Derivations are left out: nobody who fetches builds wants them, and there are many.
package struct ArrivalWatch: Service {
    private static let pageSize = 500
    private static let interval = Duration.milliseconds(500)

    private let tier: StoreTier
    private let logger: Logger

    package init(_ tier: StoreTier, logger: Logger) {
        self.tier = tier
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await watch() }
    }

    private func watch() async {
        var seen: (change: UInt64, newest: Int64)?
        while !Task.isCancelled {
            let change = tier.store.changeCount
            if seen?.change != change {
                do {
                    seen = (change, try await handOver(after: seen?.newest))
                } catch {
                    logger.debug("arrivals not read", metadata: ["cause": "\(error)"])
                }
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// From the last row seen on; at the start, where all that is there is old, nothing is handed over.
    private func handOver(after newest: Int64?) async throws -> Int64 {
        let deadline = tier.configuration.lookupDeadline
        guard var last = newest else { return try await tier.store.newestID(deadline: deadline) }
        while true {
            let arrivals = try await tier.store.arrivals(
                after: last,
                limit: Self.pageSize,
                deadline: deadline
            )
            for info in arrivals where !info.path.isDerivation { tier.maker?.make(info) }
            guard let newest = arrivals.last?.id else { return last }
            last = newest
        }
    }
}
