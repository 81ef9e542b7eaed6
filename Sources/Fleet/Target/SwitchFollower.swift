// SPDX-License-Identifier: Apache-2.0

/// Follows one deploy to its outcome, over as many connections as that takes.
struct SwitchFollower {
    private let session: TargetSession
    private let token: DeployToken
    private let observer: TargetSession.SwitchObserver
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
        patience = .seconds(3600)
        journal = JournalReader(token, session.places.store, observer)
    }

    /// Leaves out what was written before; the text is `EVENTS LOGLINES`.
    func skip(_ text: String) { journal.skip(text) }

    /// Has the switch begun, once, also when the answer to that gets lost.
    ///
    /// - Returns: What the journal had to show at first; `nil` where that got lost.
    mutating func begin(
        _ variables: [(name: String, value: String)]
    ) async throws -> TargetAnswer? {
        let end = ContinuousClock.now + .seconds(60)
        var mayHaveBegun = false
        while true {
            do {
                let answer = try await follow(by: "switch", variables)
                lastContact = ContinuousClock.now
                return answer
            } catch let failure as RemoteFailure {
                if journal.lastEvent != nil {
                    lastContact = ContinuousClock.now
                    return nil
                }
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
                    return nil
                case .unreachable, .hostKey, .notLetIn, .notRoot, .noSSH:
                    throw failure
                }
            }
        }
    }

    /// Goes on from an answer that has been looked at to the outcome.
    mutating func outcome(after first: TargetAnswer? = nil) async throws -> SwitchOutcome {
        var last = first
        while true {
            // The connection may break after the last line.
            if let outcome = journal.outcome { return outcome }
            do {
                if let answer = last {
                    last = nil
                    last = try await act(on: answer)
                } else {
                    last = try await follow()
                }
                lastContact = ContinuousClock.now
            } catch let failure as RemoteFailure {
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

    /// Looks on, and neither confirms nor settles anything.
    func ending(within time: Duration) async -> SwitchOutcome? {
        let end = ContinuousClock.now + time
        while !Task.isCancelled {
            let left = end - .now
            guard left > .zero else { return nil }
            let answer = try? await follow(for: min(left, Self.turn))
            if let outcome = journal.outcome { return outcome }
            switch answer?.lines(of: "follow").first {
            case "none", "died": return nil
            case "more", "ended": continue
            // Out of reach, or nobody confirms it: in a while something else is to be seen.
            default: try? await Task.sleep(for: min(left, .seconds(4)))
            }
        }
        return nil
    }

    /// Shows the journal from where it was read to; `verb` may do something else first.
    private func follow(
        by verb: String = "follow",
        _ variables: [(name: String, value: String)] = [],
        for turn: Duration = Self.turn,
        deadline: Duration? = nil,
        onNewConnection: Bool = false
    ) async throws -> TargetAnswer {
        let (events, logLines) = journal.position
        let journal = journal
        return try await session.ask(
            verb,
            variables + [
                ("token", token.description), ("seen_events", "\(events)"),
                ("seen_log", "\(logLines)"), ("patience", "\(turn.wholeSeconds)"),
            ],
            deadline: deadline ?? turn + session.requestDeadline,
            onNewConnection: onNewConnection,
            onLine: { line in
                if line.stream == .output { journal.take(line.text) }
            }
        )
    }

    /// - Returns: What the journal showed besides, where that was asked for.
    private mutating func act(on answer: TargetAnswer) async throws -> TargetAnswer? {
        switch answer.lines(of: "follow").first {
        case "awaiting": return try await confirm()
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
        return nil
    }

    /// The connection that proves that the host can be reached shows what comes of it as well.
    private mutating func confirm() async throws -> TargetAnswer? {
        guard !isCalledOff else {
            try await Task.sleep(for: .seconds(1))
            return nil
        }
        do {
            try await observer.beforeConfirming()
        } catch {
            // Who is cancelled says itself what becomes of the switch.
            try Task.checkCancellation()
            try await session.abandon(token)
            isCalledOff = true
            return nil
        }
        return try await follow(
            by: "vouch",
            for: .seconds(10),
            deadline: .seconds(30),
            onNewConnection: true
        )
    }
}
