// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import NIOHTTP1
import NixFormat
import Synchronization

/// What came of one question to one address.
enum Attempt<Value: Sendable>: Sendable {
    case answered(Value)
    /// The address is not to blame: another one would say the same.
    case refused(UpstreamFailure)
    /// Another address of the tier may be asked.
    case failed(UpstreamFailure)
}

extension UpstreamTier {
    /// Asks the tier's addresses one after the other until one answers, and notes how each did.
    ///
    /// - Parameters:
    ///   - deadline: When there is no use in asking another address.
    ///   - isLookUp: Whether a narinfo is asked for: its time counts as latency, its failure makes
    ///     probes ask for a narinfo too.
    ///   - evenIfDown: Whether addresses that were given up are asked too.
    ///   - onSent: Called when the question's turn has come.
    ///   - body: Asks one address.
    /// - Returns: The first answer, or why there is none.
    func attempt<Value: Sendable>(
        until deadline: Instant,
        isLookUp: Bool = false,
        evenIfDown: Bool = false,
        onSent: @escaping @Sendable () -> Void = {},
        _ body: (Addressee) async throws(ExchangeFailure) -> Value
    ) async -> Result<Value, UpstreamFailure> {
        var permission = state.withLock { $0.health.permission(at: .now) }
        let isForced = evenIfDown && permission == .unavailable
        if isForced { permission = .ask(Array(configuration.urls.indices)) }
        guard case .ask(let addresses) = permission else {
            return .failure(permission == .resting ? .resting : .unavailable)
        }
        var last = UpstreamFailure.unavailable
        for address in addresses {
            guard deadline > .now else { break }
            // Others may have found out by now, while this one waited for its turn.
            let isWanted: @Sendable () -> Bool = { [self] in isForced || isUsable(address) }
            guard isWanted() else { continue }
            let addressee = Addressee(
                configuration.urls[address],
                isWanted: isWanted,
                onSent: onSent
            )
            let question = (address, addressee)
            switch await attempt(question, until: deadline, isLookUp: isLookUp, body) {
            case .answered(let value): return .success(value)
            case .refused(let failure): return .failure(failure)
            case .failed(let failure): last = failure
            }
        }
        return .failure(last)
    }

    private func isUsable(_ address: Int) -> Bool {
        state.withLock { state in
            guard case .ask(let usable) = state.health.permission(at: .now) else { return false }
            return usable.contains(address)
        }
    }

    private func attempt<Value: Sendable>(
        _ question: (address: Int, addressee: Addressee),
        until deadline: Instant,
        isLookUp: Bool,
        _ body: (Addressee) async throws(ExchangeFailure) -> Value
    ) async -> Attempt<Value> {
        let (address, addressee) = question
        let fairTime = min(.milliseconds(500), (deadline - .now) / 4)
        state.withLock { $0.requests += 1 }
        do throws(ExchangeFailure) {
            let value = try await body(addressee)
            note(answerFrom: address, addressee, isLookUp: isLookUp)
            return .answered(value)
        } catch {
            var error = error
            // Most of the time went by while this one waited for its turn.
            let time = addressee.sentAt.map { Instant.now - $0 } ?? .zero
            if error.isLate, time < fairTime { error.blame = .nobody }
            if error.blame == .answer { note(answerFrom: address, addressee, isLookUp: false) }
            note(error, from: address, startedAt: addressee.sentAt ?? .now, isLookUp: isLookUp)
            let isElsewhere = error.blame == .address || error.reason == .unavailable
            return isElsewhere ? .failed(error.reason) : .refused(error.reason)
        }
    }

    private func note(answerFrom address: Int, _ addressee: Addressee, isLookUp: Bool) {
        let now = Instant.now
        let sentAt = addressee.sentAt ?? now
        state.withLock { state in
            state.health.noteAnswer(
                from: address,
                startedAt: sentAt,
                latency: isLookUp ? now - sentAt : nil,
                at: now
            )
        }
    }

    private func note(
        _ failure: ExchangeFailure,
        from address: Int,
        startedAt: Instant,
        isLookUp: Bool
    ) {
        if note(circle: failure.reason) { return }
        let now = Instant.now
        state.withLock { state in
            state.failures += 1
            state.lastFailure = failure.reason
            guard failure.blame == .address else { return }
            if isLookUp { state.isInDoubt = true }
            state.health.noteFailure(failure.reason, from: address, startedAt: startedAt, at: now)
        }
        guard failure.blame == .address else { return }
        alarm.ring()
        tellState(failure.reason)
    }

    /// Tells the log once in what circle the tier and this server are.
    ///
    /// - Returns: Whether the tier is well all the same.
    func note(circle failure: UpstreamFailure) -> Bool {
        switch failure {
        case .loop:
            let isNews = state.withLock { state in
                defer { state.isThisServer = true }
                return !state.isThisServer
            }
            if isNews { logger.warning("tier is this very Firn; remove it from firn.toml") }
            return false
        case .asksBack:
            let isNews = state.withLock { state in
                defer { state.asksBack = true }
                return !state.asksBack
            }
            if isNews {
                logger.notice(
                    "tier asks us back: it has this Firn as a tier, and is not asked in a circle"
                )
            }
            return true
        default: return false
        }
    }

    /// Tells the log when the tier went down or came back; once for each change.
    func tellState(_ cause: UpstreamFailure?) {
        let now = Instant.now
        let change = state.withLock { state -> TierReport.State? in
            let current = state.health.state(at: now)
            switch current {
            case .down where !state.isToldDown: state.isToldDown = true
            case .up where state.isToldDown: state.isToldDown = false
            case .down, .up, .resting, .unknown: return nil
            }
            return current
        }
        switch change {
        // What it is has been said with more weight.
        case .down where cause == .loop: break
        case .down:
            logger.warning("tier is down", metadata: cause.map { ["cause": "\($0)"] } ?? [:])
        case .up: logger.notice("tier is back")
        case .resting, .unknown, nil: break
        }
    }

    /// What a status that is not 200 says.
    ///
    /// - Returns: `nil` for "there is no such thing" (404 and 410, and 403 as Nix takes it).
    func failure(of answer: UpstreamAnswer) -> ExchangeFailure? {
        let wait = answer.head.headers.first(name: "Retry-After")
            .flatMap { RetryAfter.parse($0, now: Int(Date().timeIntervalSince1970)) }
        switch answer.status {
        case 403, 404, 410: return nil
        case 429:
            rest(wait)
            return ExchangeFailure(reason: .resting, blame: .nobody)
        case 503 where wait != nil:
            rest(wait)
            return ExchangeFailure(reason: .resting, blame: .nobody)
        case 500...:
            return ExchangeFailure(reason: .status(answer.status), blame: .address)
        default:
            return ExchangeFailure(reason: .status(answer.status), blame: .answer)
        }
    }

    private func rest(_ wait: Duration?) {
        let now = Instant.now
        let isNews = state.withLock { state in
            let isNews = !state.health.isResting(at: now)
            state.health.noteRest(wait, at: now)
            return isNews
        }
        guard isNews else { return }
        logger.info("tier asks to be left alone", metadata: ["for": "\(wait ?? .zero)"])
    }
}
