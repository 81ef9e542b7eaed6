// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Follows one switch, tells of its steps, and calls it off when the caller is cancelled.
struct SwitchRun: Sendable {
    let session: TargetSession
    let record: HostRecord

    /// After a cancellation the host has this long to say what it came to.
    private static let patience = Duration.seconds(120)

    /// Of a preview as many lines are told besides being in the log.
    private static let mostPreviewLines = 20

    func run(_ order: SwitchOrder) async throws -> SwitchOutcome {
        let preview = Mutex<[String]>([])
        switch order.mode {
        case .switch, .test: record.begin(.activate)
        case .boot: record.begin(.commit)
        case .dryActivate: record.news(.step("asking what a switch would do"))
        }
        var observer = TargetSession.SwitchObserver()
        observer.onEvent = { event in take(event) }
        observer.onLog = { line in
            record.log(line)
            if order.mode == .dryActivate { preview.withLock { $0.append(line) } }
        }
        do {
            let outcome = try await session.apply(order, observer: observer)
            let lines = preview.withLock { $0 }.filter { !$0.allSatisfy(\.isWhitespace) }
            for line in lines.prefix(Self.mostPreviewLines) { record.tell(line) }
            if lines.count > Self.mostPreviewLines { record.tell("… the rest is in the log") }
            return outcome
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
            if let outcome = await session.watch(token, for: Self.patience) {
                return (outcome, true)
            }
            // The lease is given back only where nothing was begun, and nothing can be from then on.
            try? await session.release(token)
            guard let facts = try? await session.facts(asRoot: true) else { return (nil, true) }
            if let outcome = facts.lastOutcome, outcome.token == token { return (outcome, true) }
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

    private func take(_ event: SwitchEvent) {
        record.log(event.kind.text)
        // Phases are those that are gone through: a check, say, where checks are made.
        switch event.kind {
        case .activating: record.begin(.activate)
        case .checking: record.begin(.health)
        case .awaitingConfirmation: record.begin(.confirm)
        case .settingProfile, .writingBootLoader: record.begin(.commit)
        case .failing(let what): record.news(.step("waiting for \(what)"))
        case .rollingBack(let reason):
            record.begin(.restore)
            record.news(.step("going back: \(reason.text)"))
        case .rolledBack: record.news(.step("went back"))
        case .resumed: record.news(.step("the host goes on by itself"))
        case .warning(let text): record.note(text)
        case .unitsFailed(let new, _):
            if !new.isEmpty { record.note("newly failed: \(new.joined(separator: ", "))") }
        case .started, .activated, .healthy, .confirmed, .ended, .unrecognised: break
        }
    }
}
