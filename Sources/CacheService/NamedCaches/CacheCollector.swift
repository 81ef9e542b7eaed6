// SPDX-License-Identifier: Apache-2.0
import Logging
import ServiceLifecycle

/// Collects the caches by itself, every few minutes.
package struct CacheCollector: Service {
    private let caches: NamedCaches
    private let interval: Duration

    package init(_ caches: NamedCaches, every interval: Duration = .seconds(600)) {
        self.caches = caches
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                caches.dropOverdueUploads()
                do {
                    let gone = try await caches.collect(isDryRun: false)
                    if !gone.isEmpty {
                        caches.logger.info("collected", metadata: ["paths": "\(gone.count)"])
                    }
                } catch {
                    caches.logger.warning("not collected", metadata: ["cause": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }
}
