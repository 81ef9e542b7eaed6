// SPDX-License-Identifier: Apache-2.0
import JWTKit
import Logging

/// The keys of one issuer, fetched when a token needs them and remembered for a while.
///
/// Whatever tokens come, the issuer is asked at most once in ``pause``, and by one of all who wait.
actor IssuerKeys {
    private struct Held {
        let keys: KeySet
        let fetchedAt: ContinuousClock.Instant
        let freshUntil: ContinuousClock.Instant
    }

    private static let lifetimes = Duration.seconds(300)...Duration.seconds(86_400)
    private static let usualLifetime = Duration.seconds(3_600)
    /// How long keys count while their issuer does not answer.
    private static let longestUse = Duration.seconds(86_400)
    /// From the end of one try to the next.
    private static let pause = Duration.seconds(30)

    private let source: KeySource
    private let now: @Sendable () -> ContinuousClock.Instant
    private let logger: Logger
    private var held: Held?
    private var lastTry: ContinuousClock.Instant?
    private var lastFailure: KeyFailure?
    private var underWay: Task<Void, Never>?

    init(
        _ source: KeySource,
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        logger: Logger
    ) {
        self.source = source
        self.now = now
        self.logger = logger
    }

    func key(
        _ name: String,
        for algorithm: SigningAlgorithm
    ) async throws(Refusal) -> any JWTAlgorithm {
        let isFresh = held.map { now() < $0.freshUntil } ?? false
        if !isFresh || held?.keys.has(name) != true { await refresh() }
        guard let held, now() < held.fetchedAt + Self.longestUse else {
            throw .noKeys(reason: lastFailure.map { "\($0)" } ?? "its issuer's keys are too old")
        }
        guard held.keys.has(name) else { throw .unknownKey }
        guard let key = held.keys.key(name, for: algorithm) else { throw .unfitKey }
        return key
    }

    /// Fetches the keys, with all who want that at the same time, unless it was tried just now.
    private func refresh() async {
        if let underWay { return await underWay.value }
        if let lastTry, now() < lastTry + Self.pause { return }
        // A task of its own: whoever asked first may go away, and others wait for the same.
        let task = Task { await self.fetch() }
        underWay = task
        await task.value
    }

    private func fetch() async {
        do throws(KeyFailure) {
            let (keys, lifetime) = try await source.load()
            let moment = now()
            let (shortest, longest) = (Self.lifetimes.lowerBound, Self.lifetimes.upperBound)
            let kept = min(max(lifetime ?? Self.usualLifetime, shortest), longest)
            held = Held(keys: keys, fetchedAt: moment, freshUntil: moment + kept)
            lastFailure = nil
        } catch {
            if lastFailure != error {
                logger.warning(
                    "an issuer of identities cannot be relied on",
                    metadata: ["issuer": "\(source.issuer)", "cause": "\(error)"]
                )
            }
            lastFailure = error
        }
        lastTry = now()
        underWay = nil
    }
}
