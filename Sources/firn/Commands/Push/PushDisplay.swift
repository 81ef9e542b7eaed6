// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import NixFormat
import NixStore
import Push
import Synchronization

/// Shows on standard error how far a push is: bars on a terminal, plain lines elsewhere.
final class PushDisplay: Sendable {
    enum Form: Sendable {
        case bars
        case lines

        /// Bars where a person looks; `CI` wants none.
        static func ofStandardError(_ environment: [String: String]) -> Form {
            let isTerminal = isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb"
            return isTerminal && environment["CI"]?.isEmpty != false ? .bars : .lines
        }
    }

    private struct State {
        var progress = PushProgress()
        var drawn = RedrawnLines()
        var lastPause = ""
    }

    private static let interval = Duration.milliseconds(100)
    private let form: Form
    private let directory: StoreDirectory
    private let state = Mutex(State())

    init(_ form: Form, in directory: StoreDirectory) {
        self.form = form
        self.directory = directory
    }

    /// Takes what happens; from any thread.
    func take(_ event: PushEvent) {
        let said = state.withLock { state in
            state.progress.take(event)
            return line(event, &state)
        }
        if let said { StandardError.write(said) }
    }

    /// Shows the push for the time of the body.
    func showing<Value: Sendable>(
        _ plan: PushPlan,
        _ body: () async -> Value
    ) async -> Value {
        state.withLock { $0.progress.begin(plan) }
        guard form == .bars else { return await body() }
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    self.draw()
                    try? await Task.sleep(for: Self.interval)
                }
            }
            let value = await body()
            group.cancelAll()
            await group.waitForAll()
            erase()
            return value
        }
    }

    /// How many of a push's paths have ended; a queue's has no number that they could be counted to.
    private func count(_ state: State) -> String {
        let progress = state.progress
        return progress.paths > 0
            ? "\(progress.endedPaths)/\(progress.paths)" : "\(progress.endedPaths)"
    }

    /// What is said where nothing can be drawn anew.
    private func line(_ event: PushEvent, _ state: inout State) -> String? {
        guard form == .lines else { return nil }
        switch event {
        case .ended(let path, .sent(let bytes)):
            return "[\(count(state))] \(directory.path(of: path)) (\(Quantity.bytes(bytes)))"
        case .ended(let path, .proved):
            return "[\(count(state))] \(directory.path(of: path)) (proved, not sent)"
        case .pausing(let reason, let pause):
            // Many requests fail for one reason at once.
            guard reason != state.lastPause else { return nil }
            state.lastPause = reason
            return Printable.line("\(reason); trying again in \(Quantity.time(pause))")
        case .ended:
            state.lastPause = ""
            return nil
        case .began, .read, .sent: return nil
        }
    }

    private func draw() {
        let text = state.withLock { state in
            state.drawn.show(state.progress.lines(width: TerminalSize.columns - 1))
        }
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    private func erase() {
        let text = state.withLock { $0.drawn.show([]) }
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
