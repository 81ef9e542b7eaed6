// SPDX-License-Identifier: Apache-2.0
package import NixFormat
import Synchronization

/// The keys that sign what leaves this cache; replaced as a whole when their files are read again.
package final class SigningKeys: Sendable {
    private let current: Mutex<(keys: [SecretKey], version: UInt64)>
    private let made = Atomic<UInt64>(0)

    /// How many signatures were made so far.
    package var signaturesMade: UInt64 { made.load(ordering: .relaxed) }

    package init(_ keys: [SecretKey]) {
        current = Mutex((keys, 0))
    }

    package func replace(with keys: [SecretKey]) {
        current.withLock { $0 = (keys, $0.version + 1) }
    }

    package var publicKeys: [PublicKey] {
        current.withLock { $0.keys.map(\.publicKey) }
    }

    /// Grows by one with every replacement, so that what was signed before can be told apart.
    package var version: UInt64 { current.withLock { $0.version } }

    /// One signature for each key that has not signed yet, after the signatures there are.
    package func adding(to signatures: [Signature], fingerprint: [UInt8]) -> [Signature] {
        let keys = current.withLock { $0.keys }
        let names = Set(signatures.map(\.keyName))
        let own = keys.filter { !names.contains($0.name) }.map { $0.sign(fingerprint) }
        made.wrappingAdd(UInt64(own.count), ordering: .relaxed)
        return signatures + own
    }
}
