// SPDX-License-Identifier: Apache-2.0
package import FirnAPI
package import Foundation
import NixFormat

/// What the machine that deploys keeps: logs, what is queued for whom, and what the last run left.
///
/// - Shape: below the state folder: `fleet/logs/HOST/TOKEN.log`, `fleet/queue/HOST.json`,
///   `fleet/left.json`; each file is replaced as a whole.
package struct FleetFolder: Sendable {
    package let state: String
    private var folder: String { "\(state)/fleet" }
    /// What is queued.
    package var queueDirectory: String { "\(folder)/queue" }

    /// As many logs of a host are kept.
    private static let mostLogs = 50

    package init(state: String) {
        self.state = state
    }

    /// A place for a log, whose folder is there.
    package func newLog(of host: HostName, _ token: DeployToken, at date: Date = Date()) -> String?
    {
        let logs = "\(folder)/logs/\(host)"
        guard (try? makeFolder(logs)) != nil else { return nil }
        let old = (try? FileManager.default.contentsOfDirectory(atPath: logs))?.sorted() ?? []
        for name in old.dropLast(Self.mostLogs - 1) {
            try? FileManager.default.removeItem(atPath: "\(logs)/\(name)")
        }
        let stamp = date.formatted(.iso8601).replacing(":", with: "").replacing("-", with: "")
        return "\(logs)/\(stamp)-\(token).log"
    }

    /// Leaves a note for a host that is away, in place of an older one.
    package func queue(_ intent: QueuedIntent) throws {
        guard let host = intent.host else { return }
        try makeFolder("\(folder)/queue")
        try replace(path(of: host), with: try FirnJSON.write(intent))
    }

    /// What is queued, by host; a file that is no intent is passed over.
    package func queued() -> [QueuedIntent] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/queue")) ?? []
        return names.sorted().compactMap { name in
            guard name.hasSuffix(".json") else { return nil }
            return read("\(folder)/queue/\(name)", as: QueuedIntent.self)
        }
    }

    /// Takes a host's note away, unless it is another than this one by now; `nil` is any.
    package func unqueue(_ host: HostName, _ intent: QueuedIntent? = nil) {
        let path = path(of: host)
        if let intent, read(path, as: QueuedIntent.self)?.id != intent.id { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The hosts that the last run left otherwise than asked.
    package func left() -> [HostName] {
        let names = read("\(folder)/left.json", as: [String].self) ?? []
        return names.compactMap { try? HostName(parsing: $0) }
    }

    /// Notes how a run ended: hosts that it did not touch stay as they were noted.
    package func note(good: [HostName], bad: [HostName]) throws {
        let rest = left().filter { !good.contains($0) && !bad.contains($0) }
        try makeFolder(folder)
        let names = (rest + bad).map { "\($0)" }.sorted()
        try replace("\(folder)/left.json", with: try FirnJSON.write(names))
    }

    private func path(of host: HostName) -> String { "\(folder)/queue/\(host).json" }

    private func read<Value: Decodable>(_ path: String, as type: Value.Type) -> Value? {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20 else {
            return nil
        }
        return try? FirnJSON.parse(data, as: type)
    }

    private func replace(_ path: String, with bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    }

    private func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }
}

/// What a host is to get when it is next seen.
package struct QueuedIntent: Codable, Hashable, Sendable {
    package var id: String
    package var hostName: String
    /// A store path and, where it was evaluated here, its derivation.
    package var path: String
    package var derivation: String?
    package var system: String?
    package var lineage: String?
    package var mode: String
    package var via: String
    package var queuedAt: Timestamp

    private enum CodingKeys: String, CodingKey {
        case id, path, derivation, system, lineage, mode, via
        case hostName = "host"
        case queuedAt = "queued-at"
    }

    package init(
        _ host: HostName,
        _ wanted: WantedSystem,
        _ token: DeployToken,
        mode: SwitchMode,
        via: DeployVia,
        at date: Date = Date()
    ) {
        let store = StoreDirectory.standard
        id = token.description
        hostName = "\(host)"
        path = store.path(of: wanted.path)
        derivation = wanted.derivation.map(store.path(of:))
        system = wanted.system
        lineage = wanted.lineage?.description
        self.mode = mode.rawValue
        self.via = via.rawValue
        queuedAt = Timestamp(date)
    }

    /// `nil` where somebody else wrote the file.
    package var host: HostName? { try? HostName(parsing: hostName) }

    package var switchMode: SwitchMode? { SwitchMode(rawValue: mode) }
    package var deployVia: DeployVia? { DeployVia(rawValue: via) }

    package var wanted: WantedSystem? {
        let store = StoreDirectory.standard
        guard let path = try? store.storePath(parsing: path) else { return nil }
        return WantedSystem(
            path: path,
            derivation: derivation.flatMap { try? store.storePath(parsing: $0) },
            system: system,
            lineage: lineage.map { Lineage(parsing: $0) }
        )
    }
}
