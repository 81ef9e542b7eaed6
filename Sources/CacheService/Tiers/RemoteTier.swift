// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import Synchronization
package import Upstream

/// Another binary cache with what it said lately, so that nobody asks it twice for the same.
package final class RemoteTier: Sendable {
    package struct Configuration: Sendable {
        /// How long a miss is believed.
        package var negativeLifetime: Duration
        /// Whether its narinfos get this cache's signatures too: not when nobody vouches for them.
        package var isTrusted: Bool
        package var publicKeys: [PublicKey]
        package var delta: DeltaMode

        package init(
            negativeLifetime: Duration = .seconds(1),
            isTrusted: Bool = true,
            publicKeys: [PublicKey] = [],
            delta: DeltaMode = .auto
        ) {
            self.negativeLifetime = negativeLifetime
            self.isTrusted = isTrusted
            self.publicKeys = publicKeys
            self.delta = delta
        }
    }

    package let cache: any BinaryCache
    package let configuration: Configuration
    let memory: LookUpMemory
    let counters = RemoteCounters()
    private let flights = FlightTable<RemoteQuestion, LookUp>()
    private let prefetcher: Prefetcher
    let narTrouble = NARTrouble()
    let narRecord = NARRecord()
    let deltas = DeltaBook()

    /// Below the budget of a lookup by what a question of its own takes.
    private static let closurePatience = Duration.milliseconds(700)

    package var name: String { cache.name }

    /// - Parameters:
    ///   - cache: The wire.
    ///   - configuration: How much it is believed.
    ///   - isLocal: Whether a path is on this machine anyway, so that nothing is asked ahead for it.
    package init(
        _ cache: any BinaryCache,
        _ configuration: Configuration,
        isLocal: @escaping @Sendable (StorePath) async -> Bool
    ) {
        self.cache = cache
        self.configuration = configuration
        memory = LookUpMemory(.init(negative: configuration.negativeLifetime))
        prefetcher = Prefetcher(isLocal: isLocal)
    }

    /// Whether to ask it at all: not while it is known to be silent.
    var isAvailable: Bool {
        switch cache.condition {
        case .up, .unknown: true
        case .down, .resting: false
        }
    }

    /// What it said lately, without asking.
    func recall(_ hash: StorePathHash) -> LookUpMemory.Memory? {
        memory.recall(hash, at: .now)
    }

    /// What it says of a path, from memory where that is fresh.
    func lookUp(_ hash: StorePathHash) async -> LookUp {
        if let known = recalled(hash) { return known }
        guard isAvailable else { return .failed(.unavailable) }
        if let closure = prefetcher.closure(bringing: hash) {
            // It may take longer than whoever asks has time for: what it lacks is asked for besides.
            _ = await closure.wait(atMost: Self.closurePatience)
            if let known = recalled(hash) { return known }
        }
        return await ask(hash)
    }

    /// Asks it, whatever it said lately.
    package func ask(_ hash: StorePathHash) async -> LookUp {
        let flight = flights.join(RemoteQuestion(hash)) { [self] in
            note(await cache.lookUp(hash), of: hash)
        }
        return await flight.wait() ?? .failed(.unavailable)
    }

    /// Asks it for a person who wants to know, also while it is down.
    func askAnyway(_ hash: StorePathHash) async -> LookUp {
        note(await cache.lookUpAnyway(hash), of: hash)
    }

    private func note(_ answer: LookUp, of hash: StorePathHash) -> LookUp {
        switch answer {
        case .found(let narInfo):
            memory.remember(narInfo, at: .now)
            prefetcher.prefetch(narInfo, from: self)
        case .absent:
            counters.misses.wrappingAdd(1, ordering: .relaxed)
            memory.rememberAbsent(hash, at: .now)
        case .failed: break
        }
        return answer
    }

    /// Everything is as if it had never been asked: the network is another one.
    package func networkChanged() {
        memory.forgetAll()
        narTrouble.clear()
        deltas.networkChanged()
    }

    private func recalled(_ hash: StorePathHash) -> LookUp? {
        guard let memory = recall(hash) else { return nil }
        return memory.narInfo.map(LookUp.found) ?? .absent
    }
}

/// How often a tier had what was asked for.
final class RemoteCounters: Sendable {
    let hits = Atomic<UInt64>(0)
    let misses = Atomic<UInt64>(0)
}
