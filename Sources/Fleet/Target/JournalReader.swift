// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// Takes a deploy's journal and log line by line, each line once.
///
/// Lines are counted, not bytes: the target writes and shows whole ones only.
final class JournalReader: Sendable {
    private struct State {
        var events = 0
        var logLines = 0
        var lastEvent: SwitchEvent?
        var outcome: SwitchOutcome?
    }

    private let token: DeployToken
    private let store: StoreDirectory
    private let observer: TargetSession.SwitchObserver
    private let state = Mutex(State())

    init(
        _ token: DeployToken,
        _ store: StoreDirectory,
        _ observer: TargetSession.SwitchObserver
    ) {
        self.token = token
        self.store = store
        self.observer = observer
    }

    var outcome: SwitchOutcome? { state.withLock(\.outcome) }
    var lastEvent: SwitchEvent? { state.withLock(\.lastEvent) }
    var position: (events: Int, logLines: Int) { state.withLock { ($0.events, $0.logLines) } }

    /// Counts lines that are not to be read; the text is `EVENTS LOGLINES`.
    func skip(_ text: String) {
        let counts = text.split(separator: " ").compactMap { Int($0) }
        guard counts.count == 2 else { return }
        state.withLock {
            $0.events = counts[0]
            $0.logLines = counts[1]
        }
    }

    /// One line of what `follow` writes: `E JOURNALLINE`, `L LOGLINE`, or something else.
    func take(_ line: String) {
        if line.hasPrefix("E ") {
            let event = SwitchEvent(line: String(line.dropFirst(2)), token, store)
            state.withLock {
                $0.events += 1
                guard let event else { return }
                $0.lastEvent = event
                if case .ended(let outcome) = event.kind { $0.outcome = outcome }
            }
            if let event { observer.onEvent(event) }
        } else if line.hasPrefix("L ") {
            state.withLock { $0.logLines += 1 }
            observer.onLog(String(line.dropFirst(2)))
        }
    }
}
