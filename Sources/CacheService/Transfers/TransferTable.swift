// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// The transfers that are going on or have just ended, by what they bring.
final class TransferTable: Sendable {
    private let transfers = Mutex<[NARRequest: Transfer]>([:])
    private let lastEnd = Mutex(ContinuousClock.now)
    /// A transfer that is complete stays for those who come a little later.
    static let linger = Duration.seconds(20)

    var all: [(request: NARRequest, transfer: Transfer)] {
        transfers.withLock { $0.map { ($0.key, $0.value) } }
    }

    /// How long no bytes have been coming.
    var quiet: Duration {
        guard !transfers.withLock({ $0.values.contains { !$0.hasEnded } }) else { return .zero }
        return lastEnd.withLock { $0.duration(to: .now) }
    }

    func noteEnd() { lastEnd.withLock { $0 = .now } }

    var count: Int { transfers.withLock { $0.count } }

    func find(_ request: NARRequest) -> Transfer? { transfers.withLock { $0[request] } }

    /// The transfer under a name, made where there is none.
    ///
    /// - Returns: Whether it was made by this call: then it has to be begun.
    func join(
        _ request: NARRequest,
        make: () throws -> Transfer
    ) rethrows -> (transfer: Transfer, isNew: Bool) {
        if let known = find(request) { return (known, false) }
        // Making one can wait for a disk, so not inside the lock; the second of two is let go.
        let made = try make()
        return transfers.withLock { transfers in
            if let known = transfers[request] { return (known, false) }
            transfers[request] = made
            return (made, true)
        }
    }

    /// Lets go of those that only stay for latecomers: what they take on the disk is needed.
    func dropEnded() {
        let ended = all.filter { $0.transfer.hasEnded }
        for (request, transfer) in ended { remove(request, transfer) }
    }

    func remove(_ request: NARRequest, _ transfer: Transfer) {
        transfers.withLock { transfers in
            if transfers[request] === transfer { transfers[request] = nil }
        }
    }
}
