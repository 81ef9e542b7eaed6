// SPDX-License-Identifier: Apache-2.0
package import FirnAPI
package import Foundation
import NixFormat

/// What the machine that deploys keeps: logs, what is queued for whom, and what the last run left.
///
/// - Shape: below the state folder: `fleet/logs/HOST/TOKEN.log`, `fleet/queue/HOST.json`,
///   `fleet/left.json`, `fleet/runs/TOKEN.json`; each file is replaced as a whole.
package struct FleetFolder: Sendable {
    package let state: String
    var folder: String { "\(state)/fleet" }
    /// What is queued.
    package var queueDirectory: String { "\(folder)/queue" }

    /// As many logs of a host are kept.
    private static let mostLogs = 50

    package init(state: String) {
        self.state = state
    }

    /// Makes sure that what is done can be written down.
    ///
    /// - Throws: ``Failure``.
    package func requireWritable() throws {
        for inner in ["", "/fleet", "/fleet/logs", "/fleet/queue", "/fleet/runs", "/receipts"] {
            try StateFile.requireWritable(state + inner)
        }
    }

    /// Makes sure that what was written down can be read; nothing at all is fine.
    ///
    /// - Throws: ``Failure``.
    package func requireReadable() throws {
        for inner in ["", "/fleet", "/fleet/queue", "/receipts"] {
            try StateFile.requireReadable(state + inner)
        }
    }

    /// A place for a log, whose folder is there.
    package func newLog(of host: HostName, _ token: DeployToken, at date: Date = Date()) -> String?
    {
        let logs = "\(folder)/logs/\(host)"
        guard (try? StateFile.makeFolder(logs)) != nil else { return nil }
        let old = (try? FileManager.default.contentsOfDirectory(atPath: logs))?.sorted() ?? []
        for name in old.dropLast(Self.mostLogs - 1) {
            try? FileManager.default.removeItem(atPath: "\(logs)/\(name)")
        }
        let stamp = date.formatted(.iso8601).replacing(":", with: "").replacing("-", with: "")
        return "\(logs)/\(stamp)-\(token).log"
    }

    /// Leaves a note for a host that is away, in place of an older one.
    ///
    /// - Throws: ``Failure``.
    package func queue(_ intent: QueuedIntent) throws {
        guard let host = intent.host else { return }
        try StateFile.makeFolder("\(folder)/queue")
        try StateFile.replace(path(of: host), with: try FirnJSON.write(intent))
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

    /// Notes hosts that are as they were asked to be, and such that are not (yet); others stay as they
    /// were noted.
    ///
    /// - Throws: ``Failure``.
    package func note(good: [HostName], bad: [HostName]) throws {
        try StateFile.makeFolder(folder)
        try StateFile.locked(folder) {
            let rest = left().filter { !good.contains($0) && !bad.contains($0) }
            let names = (rest + bad).map { "\($0)" }.sorted()
            try StateFile.replace("\(folder)/left.json", with: try FirnJSON.write(names))
        }
    }

    private func path(of host: HostName) -> String { "\(folder)/queue/\(host).json" }

    func read<Value: Decodable>(_ path: String, as type: Value.Type) -> Value? {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20 else {
            return nil
        }
        return try? FirnJSON.parse(data, as: type)
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
