// SPDX-License-Identifier: Apache-2.0
import Depot
import Logging
import NixStore

/// One thing that has to work before requests can be answered.
package struct HealthCheck: Equatable, Sendable {
    /// What is checked, in words that name no file of this machine.
    package let name: String
    package let isPassing: Bool

    package init(name: String, isPassing: Bool) {
        self.name = name
        self.isPassing = isPassing
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
            checks.append(await check("depot") { try await lookAt(depot) })
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

    /// The catalog can be read, and the disk has room to write to it.
    private func lookAt(_ depot: NARDepot) async throws {
        try await waiting(atMost: configuration.lookupDeadline) {
            _ = try depot.list(limit: 1)
            let freeBytes = try FreeSpace.bytes(at: depot.configuration.directory)
            guard freeBytes >= Self.minimumFreeBytes else {
                throw DepotError.diskFull
            }
        }
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
