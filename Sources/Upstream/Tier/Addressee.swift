// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// One address of a tier, as one question goes there.
final class Addressee: Sendable {
    let base: HTTPURL
    /// Whether it is still worth asking when one's turn has come.
    let isWanted: @Sendable () -> Bool
    private let sent = Mutex<Instant?>(nil)
    private let onSent: @Sendable () -> Void

    init(
        _ base: HTTPURL,
        isWanted: @escaping @Sendable () -> Bool = { true },
        onSent: @escaping @Sendable () -> Void = {}
    ) {
        self.base = base
        self.isWanted = isWanted
        self.onSent = onSent
    }

    /// When the question's turn came; before that, nobody but us was slow.
    var sentAt: Instant? { sent.withLock { $0 } }

    func noteSent() {
        sent.withLock { $0 = $0 ?? .now }
        onSent()
    }
}
