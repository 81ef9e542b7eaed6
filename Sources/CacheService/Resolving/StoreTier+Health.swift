// SPDX-License-Identifier: Apache-2.0
import Depot
import Logging
import NixStore

/// One thing that has to work before requests can be answered.
package struct HealthCheck: Equatable, Sendable {
    /// What is checked, in words that name no file of this machine.
    package let name: String
    package let isPassing: Bool
    /// What does not work although answers do, for people.
    package let trouble: String?

    package init(name: String, isPassing: Bool, trouble: String? = nil) {
        self.name = name
        self.isPassing = isPassing
        self.trouble = trouble
    }
}

extension StoreTier {
    /// Less than this on the depot's disk, and the catalog may soon not be written any more.
    private static let minimumFreeBytes: UInt64 = 64 << 20

    /// Whether everything that answers depend on works now; why something does not is logged.
    package func checkHealth() async -> [HealthCheck] {
        var checks = [
            await check("database") { try await askDatabase() },
            await check("store directory") { try await lookAtStore() },
            HealthCheck(name: "signing keys", isPassing: !keys.publicKeys.isEmpty),
        ]
        if let depot {
            var depotCheck = await check("depot") { try await lookAt(depot) }
            if depotCheck.isPassing, isDepotDiskFull {
                depotCheck = HealthCheck(
                    name: depotCheck.name,
                    isPassing: true,
                    trouble: "disk full, nothing is kept"
                )
            }
            checks.append(depotCheck)
        }
        return checks
    }

    private func askDatabase() async throws {
        _ = try await store.newestID(deadline: configuration.lookupDeadline)
    }

    /// A database that fails says nothing about the directory, and has a check of its own.
    private func lookAtStore() async throws {
        do {
            try await store.checkHealth(deadline: configuration.lookupDeadline)
        } catch LocalStoreError.databaseUnavailable {
            return
        }
    }

    /// The catalog can be read.
    private func lookAt(_ depot: NARDepot) async throws {
        try await waiting(atMost: configuration.lookupDeadline) { _ = try depot.list(limit: 1) }
    }

    /// Whether the depot's disk has no room to speak of: what is there can still be served, and what
    /// other caches have be passed on, so that is no reason to send clients elsewhere.
    var isDepotDiskFull: Bool {
        guard let directory = depot?.configuration.directory,
            let freeBytes = try? FreeSpace.bytes(at: directory)
        else { return false }
        return freeBytes < Self.minimumFreeBytes
    }

    private func check(_ name: String, _ body: () async throws -> Void) async -> HealthCheck {
        do {
            try await body()
            return HealthCheck(name: name, isPassing: true)
        } catch {
            logger.warning("not ready", metadata: ["check": "\(name)", "cause": "\(error)"])
            return HealthCheck(name: name, isPassing: false)
        }
    }
}
