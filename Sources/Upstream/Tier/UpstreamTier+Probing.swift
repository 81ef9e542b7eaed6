// SPDX-License-Identifier: Apache-2.0
import Logging
import NIOHTTP1
import NixFormat
import ServiceLifecycle
import Synchronization

extension UpstreamTier {
    /// Probes the tier's addresses, as often as their health asks for it, until it is cancelled or the
    /// service group stops gracefully.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.watch() }
    }

    private func watch() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let now = Instant.now
                let (due, next) = state.withLock { state in
                    (state.health.startProbes(at: now), state.health.nextProbe(after: now))
                }
                for address in due {
                    group.addTask { await self.probe(address, startedAt: now) }
                }
                await alarm.wait(until: next)
            }
        }
    }

    private func probe(_ address: Int, startedAt: Instant) async {
        let result: Result<ProbeAnswer, UpstreamFailure>
        let asksForPath = state.withLock { $0.isInDoubt }
        do throws(ExchangeFailure) {
            let addressee = Addressee(configuration.urls[address])
            result = .success(try await probe(addressee, asksForPath: asksForPath))
        } catch {
            // To be asked to wait is neither good nor bad.
            guard !Task.isCancelled, error.reason != .resting else {
                state.withLock { state in
                    state.health.dropProbe(of: address, startedAt: startedAt, at: .now)
                }
                alarm.ring()
                return
            }
            result = .failure(error.reason)
        }
        let now = Instant.now
        state.withLock { state in
            state.health.noteProbe(of: address, result, startedAt: startedAt, at: now)
            switch result {
            case .failure(let failure): state.lastFailure = failure
            case .success: if asksForPath { state.isInDoubt = false }
            }
        }
        alarm.ring()
        if case .failure(let failure) = result {
            _ = note(circle: failure)
            tellState(failure)
        } else {
            tellState(nil)
        }
    }

    /// `GET /nix-cache-info`, and a narinfo where lookups are in doubt.
    private func probe(
        _ addressee: Addressee,
        asksForPath: Bool
    ) async throws(ExchangeFailure) -> ProbeAnswer {
        let deadline = Instant.now + configuration.times.probe
        let answer = try await ask(
            "nix-cache-info",
            at: addressee,
            Question(purpose: .probe, limit: deadline)
        )
        let latency = Instant.now - (addressee.sentAt ?? .now)
        let bytes: [UInt8]
        if answer.status == 200 {
            bytes = try await answer.bytes(atMost: 64 << 10, until: deadline)
            try check(cacheInfo: bytes)
        } else {
            answer.body.discard()
            // Some caches have no such file; they answer all the same.
            if let failure = failure(of: answer) { throw failure }
        }
        let marks = answer.head.headers[canonicalForm: "X-Firn"]
        let isFirn = marks.contains { $0.lowercased() == "closure" }
        let servesDeltas = marks.contains { $0.lowercased() == "delta" }
        if asksForPath {
            // A Firn may first have to ask its own tiers, for longer than a probe lasts.
            let time = isFirn ? Self.firnBudget : configuration.times.probe
            try await askForNothing(at: addressee, until: .now + time)
        }
        return ProbeAnswer(latency: latency, isFirn: isFirn, servesDeltas: servesDeltas)
    }

    /// What another Firn gives its own tiers, and a little more.
    private static let firnBudget = Duration.milliseconds(2500)

    private func check(cacheInfo bytes: [UInt8]) throws(ExchangeFailure) {
        let info: CacheInfo
        do throws(CacheInfo.ParseError) {
            info = try CacheInfo(parsing: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw .malformed("not a nix-cache-info: \(error)")
        }
        guard let directory = info.storeDirectory, directory != configuration.storeDirectory else {
            return
        }
        throw .malformed("a cache of the store \(directory), not \(configuration.storeDirectory)")
    }

    /// Asks for a path that nobody has; what is answered does not matter.
    private func askForNothing(
        at addressee: Addressee,
        until deadline: Instant
    ) async throws(ExchangeFailure) {
        let answer = try await ask(
            "\(String(repeating: "0", count: 32)).narinfo",
            at: addressee,
            Question(purpose: .probe, limit: deadline)
        )
        answer.body.discard()
        if answer.status >= 500 {
            throw ExchangeFailure(reason: .status(answer.status), blame: .address)
        }
    }
}
