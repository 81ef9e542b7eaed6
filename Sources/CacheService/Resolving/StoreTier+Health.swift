// SPDX-License-Identifier: Apache-2.0
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
    /// Whether everything that answers depend on works now; why something does not is logged.
    package func checkHealth() async -> [HealthCheck] {
        var checks = [
            await check("database") { try await askDatabase() },
            await check("store directory") { try await lookAtStore() },
            HealthCheck(name: "signing keys", isPassing: !keys.publicKeys.isEmpty),
        ]
        if let depot {
            checks.append(
                await check("depot") {
                    _ = try await waiting(atMost: configuration.lookupDeadline) {
                        try depot.usage()
                    }
                }
            )
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
