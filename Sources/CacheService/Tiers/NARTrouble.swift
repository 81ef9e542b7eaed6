// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Whether the NARs of a tier can be relied on.
///
/// A tier may be quick to tell what it has, and hang at every NAR or send wrong ones. That leaves its
/// health as it is.
///
/// After trouble it stands behind the others for a while. Then one NAR tries it, with another tier
/// asked beside it, and decides how it goes on.
final class NARTrouble: Sendable {
    private struct Trouble {
        /// Until then it stands behind the others.
        var until: ContinuousClock.Instant
        /// So long did it stand there the last time.
        var pause: Duration
    }

    private static let firstPause = Duration.seconds(60)
    private static let longestPause = Duration.seconds(600)
    /// How long one NAR may try it before another one does.
    private static let trial = Duration.seconds(30)

    private let trouble = Mutex<Trouble?>(nil)

    /// Whether others that have the same NAR are asked for it first.
    func isPresent(at now: ContinuousClock.Instant = .now) -> Bool {
        trouble.withLock { $0.map { $0.until > now } ?? false }
    }

    /// A NAR came too slowly, wrong, or not at all.
    func note(at now: ContinuousClock.Instant = .now) {
        trouble.withLock { trouble in
            // Many NARs may be under way when it comes: that is one trouble.
            if let trouble, trouble.until - now > trouble.pause - Self.trial { return }
            let pause = min((trouble?.pause ?? Self.firstPause / 2) * 2, Self.longestPause)
            trouble = Trouble(until: now + pause, pause: pause)
        }
    }

    /// A NAR came as it should.
    func clear() { trouble.withLock { $0 = nil } }

    /// - Returns: Whether there was trouble, and this NAR is the one that finds out about it now.
    func beginTrial(at now: ContinuousClock.Instant = .now) -> Bool {
        trouble.withLock { trouble in
            guard let known = trouble, known.until <= now else { return false }
            trouble?.until = now + Self.trial
            return true
        }
    }
}

extension Array {
    /// The same, with those behind whose tiers are in trouble now.
    func troubledLast(_ tier: (Element) -> RemoteTier) -> [Element] {
        let isTroubled = map { tier($0).narTrouble.isPresent() }
        return zip(self, isTroubled).filter { !$1 }.map(\.0)
            + zip(self, isTroubled).filter(\.1).map(\.0)
    }
}
