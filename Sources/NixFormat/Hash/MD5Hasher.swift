// SPDX-License-Identifier: Apache-2.0

import Crypto

/// MD5 of bytes that come piece by piece.
///
/// - Source: RFC 1321; it guards against accidents only.
package struct MD5Hasher: Sendable {
    private var state = Insecure.MD5()

    package init() {}

    /// Adds bytes.
    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe state.update(bufferPointer: $0) }
    }

    /// The 16 bytes for what was added so far.
    package func finalize() -> [UInt8] { Array(state.finalize()) }
}
