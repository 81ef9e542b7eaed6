// SPDX-License-Identifier: Apache-2.0
import CacheClient
import FirnAPI
import Foundation
import Glibc
import NixFormat

/// Asks the daemon of this machine how it is.
struct DaemonProbe: Sendable {
    let address: FirnAddress
    /// Where it tells of its caches; only to its owner and root.
    let control: FirnAddress?
    let configuration: FirnConfiguration
    /// `nil` without a file.
    let file: String?
    let isNamed: Bool
    let limit: Duration

    private static let unitFolders = [
        "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system", "/lib/systemd/system",
    ]

    func run(_ environment: [String: String]) async -> DaemonFacts {
        let hasUnit = Self.unitFolders.contains {
            FileManager.default.fileExists(atPath: "\($0)/firn.service")
        }
        var facts = DaemonFacts(
            address: "\(address)",
            answer: await answer(),
            expectation: expectation(hasUnit),
            hasUnit: hasUnit
        )
        // What lies in a user's own state folder need not be that of the machine's daemon.
        guard !isNamed, file != nil || geteuid() == 0 else { return facts }
        let keys = try? SigningKeyFiles(configuration, environment: environment).load().keys
        facts.configuredKeys = keys.map { $0.map { "\($0.publicKey)" } }
        return facts
    }

    /// - Returns: `nil` where nobody tells this user.
    func quotas() async -> [QuotaFacts]? {
        guard let control else { return nil }
        let connection = FirnConnection(to: control, limits: limits)
        let reply: FirnReply<CacheListReport>? = try? await connection.order(
            .caches(.list),
            ListRequest()
        )
        return reply?.body.caches.map {
            QuotaFacts(name: $0.name, sizeBytes: $0.sizeBytes, quotaBytes: $0.quotaBytes)
        }
    }

    private var limits: FirnConnection.Limits {
        var limits = FirnConnection.Limits()
        (limits.status, limits.order) = (limit, limit)
        return limits
    }

    private func expectation(_ hasUnit: Bool) -> String? {
        let key = "\(configuration.server.state)/secret-key"
        if isNamed { return "--url \(address)" }
        if let file { return "a configuration in \(file)" }
        if hasUnit { return "a unit firn.service" }
        return FileManager.default.fileExists(atPath: key) ? "a key in \(key)" : nil
    }

    private func answer() async -> DaemonFacts.Answer {
        let connection = FirnConnection(to: address, limits: limits)
        async let readiness = try? connection.readiness()
        do throws(FirnConnectionError) {
            let report = try await connection.status().body
            return .runs(Self.status(report, await readiness ?? ["readyz: no answer"]))
        } catch {
            switch error.cause {
            case .notRunning(let reason): return .notRunning(reason: reason)
            case .untrusted, .timedOut, .brokenOff, .notFirn, .unanswered, .unreadable, .refused,
                .failed:
                return .unfit(reason: error.reason)
            }
        }
    }

    private static func status(
        _ report: StatusReport,
        _ readiness: [String]
    ) -> DaemonFacts.Status {
        DaemonFacts.Status(
            version: report.version,
            troubles: readiness.filter { $0.hasSuffix(": failed") || $0.hasSuffix(": no answer") },
            depotTrouble: report.depot?.trouble
                ?? readiness.first { $0.hasPrefix("depot: disk full") },
            tiers: report.tiers.map {
                DaemonFacts.Tier(
                    name: $0.name,
                    isUsed: $0.state == .up || $0.state == .unknown,
                    state: $0.state.rawValue,
                    lastFailure: $0.lastFailure
                )
            }
        )
    }
}
