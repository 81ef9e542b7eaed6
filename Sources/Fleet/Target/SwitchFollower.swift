// SPDX-License-Identifier: Apache-2.0

/// Follows one deploy to its outcome, over as many connections as that takes.
struct SwitchFollower {
    private let session: TargetSession
    private let token: DeployToken
    private let observer: TargetSession.SwitchObserver
    private let confirmTimeout: Duration
    /// After this long without any contact, nobody knows.
    private let patience: Duration
    private let journal: JournalReader
    private var lastContact = ContinuousClock.now
    private var isCalledOff = false

    /// One request follows for this long before another one goes on.
    private static let turn = Duration.seconds(20)

    init(session: TargetSession, order: SwitchOrder, observer: TargetSession.SwitchObserver) {
        self.session = session
        self.observer = observer
        token = order.token
        confirmTimeout = order.confirmTimeout
        patience = order.longest
        journal = JournalReader(order.token, session.places.store, observer)
    }

    /// Follows what is settled; how long that may take is not known here.
    init(
        settling token: DeployToken,
        session: TargetSession,
        observer: TargetSession.SwitchObserver
    ) {
        self.session = session
        self.token = token
        self.observer = observer
        confirmTimeout = .seconds(30)
        patience = .seconds(3600)
        journal = JournalReader(token, session.places.store, observer)
    }

    /// Leaves out what was written before; the text is `EVENTS LOGLINES`.
    func skip(_ text: String) { journal.skip(text) }

    /// Has the switch begun, once, also when the answer to that gets lost.
    mutating func begin(_ variables: [(name: String, value: String)]) async throws {
        let end = ContinuousClock.now + .seconds(60)
        var mayHaveBegun = false
        while true {
            do {
                _ = try await session.ask("apply", variables)
                lastContact = ContinuousClock.now
                return
            } catch let failure as RemoteFailure {
                switch failure {
                case .brokenOff, .timedOut:
                    mayHaveBegun = true
                    guard ContinuousClock.now < end else {
                        throw TargetError.contactLost(token, lastEvent: nil, cause: failure)
                    }
                    try await Task.sleep(for: .seconds(1))
                case .unreachable where mayHaveBegun:
                    // What was begun may be what cut us off: its journal tells, once it can be read.
                    lastContact = ContinuousClock.now
                    return
                case .unreachable, .hostKey, .notLetIn, .notRoot:
                    throw failure
                }
            }
        }
    }

    mutating func outcome() async throws -> SwitchOutcome {
        while true {
            do {
                let answer = try await follow()
                lastContact = ContinuousClock.now
                if let outcome = journal.outcome { return outcome }
                try await act(on: answer)
            } catch let failure as RemoteFailure {
                // The connection may break after the last line.
                if let outcome = journal.outcome { return outcome }
                guard ContinuousClock.now < lastContact + patience else {
                    throw TargetError.contactLost(
                        token,
                        lastEvent: journal.lastEvent,
                        cause: failure
                    )
                }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func follow() async throws -> TargetAnswer {
        let (events, logLines) = journal.position
        let journal = journal
        return try await session.ask(
            "follow",
            [
                ("token", token.description), ("seen_events", "\(events)"),
                ("seen_log", "\(logLines)"), ("patience", "\(Self.turn.wholeSeconds)"),
            ],
            deadline: Self.turn + session.requestDeadline,
            onLine: { line in
                if line.stream == .output { journal.take(line.text) }
            }
        )
    }

    private mutating func act(on answer: TargetAnswer) async throws {
        switch answer.lines(of: "follow").first {
        case "awaiting": try await confirm()
        case "died":
            do {
                _ = try await session.ask("settle", [("who", "the deployer itself")])
            } catch TargetError.leased {
                // Somebody else settles it; its outcome is as good.
                try await Task.sleep(for: .seconds(1))
            }
        case "none": throw TargetError.refused("the host knows of no deploy \(token)")
        default: break
        }
    }

    private mutating func confirm() async throws {
        guard !isCalledOff else { return try await Task.sleep(for: .seconds(1)) }
        do {
            try await observer.beforeConfirming()
        } catch {
            // Who is cancelled says itself what becomes of the switch.
            try Task.checkCancellation()
            try await session.abandon(token)
            isCalledOff = true
            return
        }
        _ = try await session.confirm(token, deadline: min(confirmTimeout, .seconds(30)))
    }
}
