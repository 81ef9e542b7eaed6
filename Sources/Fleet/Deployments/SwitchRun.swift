// SPDX-License-Identifier: Apache-2.0

/// Follows one switch, tells of its steps, and calls it off when the caller is cancelled.
struct SwitchRun: Sendable {
    let session: TargetSession
    let record: HostRecord

    /// After a cancellation the host has this long to say what it came to.
    private static let patience = Duration.seconds(120)

    func run(_ order: SwitchOrder) async throws -> SwitchOutcome {
        record.begin(.activate)
        var observer = TargetSession.SwitchObserver()
        observer.onEvent = { event in take(event) }
        observer.onLog = { line in record.log(line) }
        do {
            return try await session.apply(order, observer: observer)
        } catch is CancellationError {
            return try await callOff(order.token)
        }
    }

    /// In a task of its own, which nobody has cancelled.
    private func callOff(_ token: DeployToken) async throws -> SwitchOutcome {
        record.news(.step("calling the switch off"))
        let session = session
        let (outcome, hasBegun) = await Task { () -> (SwitchOutcome?, Bool) in
            try? await session.abandon(token)
            if let outcome = await look(for: token, session) { return (outcome, true) }
            // The lease is given back only where nothing was begun, and nothing can be from then on.
            try? await session.release(token)
            guard let facts = try? await session.facts(asRoot: true) else { return (nil, true) }
            let isLeft = facts.unsettled.contains { $0.token == token }
            return (nil, isLeft || facts.lease?.token == token)
        }.value
        guard let outcome else {
            guard hasBegun else { throw CancellationError() }
            throw TargetError.contactLost(
                token,
                lastEvent: nil,
                cause: .brokenOff("interrupted here")
            )
        }
        return outcome
    }

    /// What the host says it came to; `nil` when it does not say so in time, or never began.
    private func look(for token: DeployToken, _ session: TargetSession) async -> SwitchOutcome? {
        let end = ContinuousClock.now + Self.patience
        var looksWithoutSupervisor = 0
        while ContinuousClock.now < end, looksWithoutSupervisor < 5 {
            if let facts = try? await session.facts(asRoot: true) {
                if let outcome = facts.lastOutcome, outcome.token == token { return outcome }
                let isAtWork =
                    facts.lease?.token == token && facts.lease?.processIdentifier != nil
                looksWithoutSupervisor += isAtWork ? 0 : 1
            }
            try? await Task.sleep(for: .seconds(1))
        }
        return nil
    }

    private func take(_ event: SwitchEvent) {
        record.log("\(event.kind)")
        switch event.kind {
        case .started, .activating: record.begin(.activate)
        case .activated, .checking: record.begin(.health)
        case .healthy, .awaitingConfirmation: record.begin(.confirm)
        case .confirmed, .settingProfile, .writingBootLoader: record.begin(.commit)
        case .failing(let what): record.news(.step("waiting for \(what)"))
        case .rollingBack(let reason): record.news(.step("going back: \(reason.text)"))
        case .rolledBack: record.news(.step("went back"))
        case .resumed: record.news(.step("the host goes on by itself"))
        case .warning(let text): record.note(text)
        case .unitsFailed(let new, let before):
            if !new.isEmpty { record.note("newly failed: \(new.joined(separator: ", "))") }
            if !before.isEmpty {
                record.log("failed before already: \(before.joined(separator: ", "))")
            }
        case .ended, .unrecognised: break
        }
    }
}
