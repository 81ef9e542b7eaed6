// SPDX-License-Identifier: Apache-2.0
import Fleet
import Foundation
import Synchronization

/// A line on standard error for each host: drawn anew where a person looks, one after another elsewhere.
final class FleetDisplay: Sendable {
    private struct Row {
        var text = "waiting"
        var since = ContinuousClock.now
        var bytes: (count: UInt64, at: ContinuousClock.Instant)?
        var rate: Double?
        var isOver = false
    }

    private struct State {
        var order: [HostName] = []
        var rows: [HostName: Row] = [:]
        var drawn = RedrawnLines()
        /// Somebody is asked something on the same terminal.
        var isQuiet = false
    }

    private static let interval = Duration.milliseconds(200)
    private let form: PushDisplay.Form
    private let state = Mutex(State())

    init(_ form: PushDisplay.Form) {
        self.form = form
    }

    func take(_ host: HostName, _ news: HostNews) {
        let line = state.withLock { state -> String? in
            if state.rows[host] == nil {
                state.rows[host] = Row()
                state.order.append(host)
            }
            guard var row = state.rows[host] else { return nil }
            let said = Self.apply(news, to: &row)
            state.rows[host] = row
            return said
        }
        if form == .lines, let line { StandardError.write("\(host): \(Printable.line(line))") }
    }

    /// Draws for the time of the body.
    func showing<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard form == .bars else { return try await body() }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    self.draw()
                    try? await Task.sleep(for: Self.interval)
                }
            }
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            group.cancelAll()
            while (try? await group.next()) != nil {}
            erase()
            return try result.get()
        }
    }

    /// Draws nothing for the time of the body, which asks somebody something.
    func quietly<Value: Sendable>(_ body: @Sendable () async -> Value) async -> Value {
        if form == .bars { erase(isQuiet: true) }
        defer { state.withLock { $0.isQuiet = false } }
        return await body()
    }

    /// - Returns: What is said where nothing can be drawn anew.
    private static func apply(_ news: HostNews, to row: inout Row) -> String? {
        switch news {
        case .began(let phase):
            row.text = phase.text
            row.since = .now
            row.bytes = nil
            row.rate = nil
            return phase.text
        case .building(let name, let count):
            row.text = "building \(name) (\(count))"
            return row.text
        case .pulling(let progress):
            note(progress.bytes, in: &row)
            row.text = "pulling " + describe(progress, row.rate)
            return nil
        case .step(let text):
            row.text = text
            return text
        case .warning(let text): return text
        case .ended(let report):
            row.isOver = true
            row.text = report.ending.text
            return row.text
        }
    }

    private static func describe(_ progress: PullProgress, _ rate: Double?) -> String {
        let paths = "\(progress.paths)/\(max(progress.paths, progress.expectedPaths)) paths"
        let all = max(progress.bytes, progress.expectedBytes)
        let bytes = "\(Quantity.bytes(progress.bytes)) of \(Quantity.bytes(all))"
        let speed = rate.map { ", \(Quantity.bytes(UInt64(max(0, $0))))/s" } ?? ""
        return "\(paths), \(bytes)\(speed)"
    }

    private static func note(_ bytes: UInt64, in row: inout Row) {
        let now = ContinuousClock.now
        guard let last = row.bytes else {
            row.bytes = (bytes, now)
            return
        }
        let seconds = (now - last.at) / .seconds(1)
        guard seconds >= 0.5, bytes >= last.count else { return }
        row.rate = Double(bytes - last.count) / seconds
        row.bytes = (bytes, now)
    }

    private func draw() {
        let text = state.withLock { state in
            let width = state.order.map { "\($0)".count }.max() ?? 0
            let columns = TerminalSize.columns - 1
            let lines = state.order.compactMap { host -> String? in
                guard let row = state.rows[host] else { return nil }
                let name = "\(host)".padding(toLength: width, withPad: " ", startingAt: 0)
                let time = row.isOver ? "" : "  \(Quantity.time(.now - row.since))"
                return String(Printable.line("\(name)  \(row.text)\(time)").prefix(columns))
            }
            return state.isQuiet ? "" : state.drawn.show(lines)
        }
        if text.isEmpty { return }
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    private func erase(isQuiet: Bool = false) {
        let text = state.withLock { state in
            state.isQuiet = isQuiet
            return state.drawn.show([])
        }
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

extension Phase {
    /// What is done, for people.
    fileprivate var text: String {
        switch self {
        case .evaluate: "evaluating"
        case .wake: "waking"
        case .state: "asking what it runs"
        case .build: "building"
        case .preflight: "preparing"
        case .pull: "pulling"
        case .activate: "switching"
        case .health: "checking"
        case .confirm: "confirming"
        case .commit: "keeping"
        case .restore: "going back"
        }
    }
}

extension HostEnding {
    /// How it got there, for people.
    var text: String {
        let words =
            switch self {
            case .unchanged: "unchanged"
            case .done: "done"
            case .staged: "boots it next time"
            case .tested: "runs it until the next boot"
            case .previewed: "nothing done"
            case .built: "built"
            case .queued: "away; queued for later"
            case .skipped: "away; skipped"
            case .unreachable: "unreachable"
            case .refused: "refused"
            case .failed(nil, let reason): reason
            case .failed(.some(let phase), _): "failed to \(phase.verb)"
            case .rolledBack: "rolled back"
            case .stuck: "STUCK"
            case .unknown: "NOT KNOWN"
            case .interrupted: "interrupted"
            case .notBegun: "not begun"
            }
        if case .failed(nil, _) = self { return words }
        return reason.map { "\(words): \($0)" } ?? words
    }
}

extension Phase {
    fileprivate var verb: String {
        switch self {
        case .state: "look at it"
        case .preflight: "prepare"
        case .activate: "switch"
        case .health: "check"
        case .commit: "keep it"
        case .restore: "go back"
        case .evaluate, .wake, .build, .pull, .confirm: rawValue
        }
    }
}
