// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// One thread at a time for the narinfo of a path, without making other paths wait.
///
/// Within, the narinfo and the catalog's rows agree. Taken after the lock on departures, never
/// before it; nobody holds two.
final class NARInfoLocks: Sendable {
    private final class Stripe: Sendable {
        let mutex = Mutex(())
    }

    private let stripes = (0..<64).map { _ in Stripe() }

    func withLock<Result: Sendable>(
        _ hash: StorePathHash,
        _ body: () throws -> Result
    ) rethrows -> Result {
        let stripe = stripes[Int(UInt(bitPattern: hash.hashValue) % UInt(stripes.count))]
        return try stripe.mutex.withLock { _ in try body() }
    }
}
