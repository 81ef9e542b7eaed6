// SPDX-License-Identifier: Apache-2.0
import CacheServer
import FirnAPI
import Fleet
import Foundation
import Synchronization

/// What this machine knows of its hosts: the configuration, receipts, and what is queued.
///
/// Read again when a file of it has changed.
final class FleetRecords: DeployedHosts {
    private static let receiptsOfAHost = 5

    private struct Known {
        var stamps: [String: Date] = [:]
        var hosts: [DeployedHost] = []
    }

    private let names: [HostName]
    private let book: ReceiptBook
    private let folder: FleetFolder
    private let known = Mutex(Known())

    init(_ configuration: FirnConfiguration) {
        names = configuration.hosts.map(\.name)
        book = ReceiptBook(state: configuration.server.state)
        folder = FleetFolder(state: configuration.server.state)
    }

    @concurrent func hosts() async throws -> [DeployedHost] {
        let stamps = stamps()
        if let hosts = known.withLock({ $0.stamps == stamps ? $0.hosts : nil }), !stamps.isEmpty {
            return hosts
        }
        let hosts = try read()
        known.withLock { $0 = Known(stamps: stamps, hosts: hosts) }
        return hosts
    }

    /// When each file was written; a receipt changes its file, and a new file or a note its folder.
    private func stamps() -> [String: Date] {
        var stamps: [String: Date] = [:]
        for folder in [book.directory, folder.queueDirectory] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            for path in [folder] + names.map({ "\(folder)/\($0)" }) {
                let facts = try? FileManager.default.attributesOfItem(atPath: path)
                stamps[path] = facts?[.modificationDate] as? Date
            }
        }
        return stamps
    }

    private func read() throws -> [DeployedHost] {
        let receipts = try book.newest(Self.receiptsOfAHost)
        let queued = Dictionary(
            folder.queued().compactMap { intent in intent.host.map { ($0, intent.queuedAt.date) } },
            uniquingKeysWith: { max($0, $1) }
        )
        return Set(names).union(receipts.keys).sorted { "\($0)" < "\($1)" }.map { name in
            DeployedHost(
                name: "\(name)",
                deployments: (receipts[name] ?? []).map(DeployedHost.Deployment.init),
                queuedAt: queued[name]
            )
        }
    }
}

extension DeployedHost.Deployment {
    fileprivate init(_ receipt: Receipt) {
        let ending: Ending =
            switch receipt.outcome {
            case .done, .unchanged, .previewed: .good
            case .staged, .interrupted, .unreachable, .unrecognised: .left
            case .rolledBack, .refused, .failed: .bad
            }
        self.init(
            startedAt: receipt.startedAt.date,
            took: receipt.took.duration,
            action: receipt.action,
            strategy: receipt.strategy.rawValue,
            outcome: receipt.outcome.rawValue.replacing("-", with: " "),
            ending: ending,
            reason: receipt.reason,
            system: receipt.newPath,
            by: receipt.by
        )
    }
}
