// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// What is noted of one host while it is deployed to: phases, times, and a log file.
final class HostRecord: Sendable {
    private struct State {
        var phases: [(phase: Phase, took: Duration)] = []
        var current: (phase: Phase, since: ContinuousClock.Instant)?
        var notes: [String] = []
        var told: [String] = []
        var log: FileHandle?
    }

    let host: HostName
    let started = Date()
    private let start = ContinuousClock.now
    private let observer: FleetObserver
    let logPath: String?
    private let state: Mutex<State>

    /// A log that cannot be written is gone without; what is deployed is worth more.
    init(_ host: HostName, logPath: String?, observer: @escaping FleetObserver) {
        self.host = host
        self.observer = observer
        let handle = logPath.flatMap { path -> FileHandle? in
            FileManager.default.createFile(
                atPath: path,
                contents: nil,
                attributes: [.posixPermissions: 0o600]
            ) ? FileHandle(forWritingAtPath: path) : nil
        }
        self.logPath = handle == nil ? nil : logPath
        state = Mutex(State(log: handle))
    }

    var took: Duration { ContinuousClock.now - start }
    var phase: Phase? { state.withLock { $0.current?.phase } }

    func begin(_ phase: Phase) {
        let isNew = state.withLock { state in
            guard state.current?.phase != phase else { return false }
            Self.close(&state)
            state.current = (phase, .now)
            return true
        }
        guard isNew else { return }
        log("== \(phase.rawValue)")
        observer(host, .began(phase))
    }

    func news(_ news: HostNews) { observer(host, news) }

    func note(_ text: String) {
        state.withLock { $0.notes.append(text) }
        log(text)
        observer(host, .warning(text))
    }

    /// A note that is said also where all goes well, and is in the log already.
    func tell(_ text: String) {
        state.withLock {
            $0.notes.append(text)
            $0.told.append(text)
        }
        observer(host, .warning(text))
    }

    /// An error in its own words, and all of what is too long for a line elsewhere.
    func log(_ error: any Error) {
        log("\(error)")
        let failure = error as? RemoteFailure ?? (error as? BuilderUnreachable)?.cause
        for line in failure?.longText?.split(whereSeparator: \.isNewline) ?? [] {
            log("  \(line)")
        }
    }

    func log(_ line: String) {
        let text = "\(Date().formatted(.iso8601)) \(line)\n"
        state.withLock { try? $0.log?.write(contentsOf: Data(text.utf8)) }
    }

    /// A line of a build on its way to the log, and to whoever watches.
    func take(_ line: RemoteLine) {
        // What the script counts is for us.
        if line.text.hasPrefix("firn-") { return }
        log(line.text)
        guard let building = Builder.building(line.text) else { return }
        observer(host, .building(name: building.name, count: building.count))
    }

    func report(_ ending: HostEnding) -> HostReport {
        let (phases, notes, told) = state.withLock { state in
            Self.close(&state)
            return (state.phases, state.notes, state.told)
        }
        log("== \(ending.told)")
        var report = HostReport(host: host, ending: ending, took: took)
        report.phases = phases
        report.notes = notes
        report.told = told
        report.log = logPath
        return report
    }

    private static func close(_ state: inout State) {
        guard let current = state.current else { return }
        state.phases.append((current.phase, ContinuousClock.now - current.since))
        state.current = nil
    }
}
