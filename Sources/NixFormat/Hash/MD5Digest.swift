// SPDX-License-Identifier: Apache-2.0

import Crypto

/// MD5, which object stores still ask for as a check of what they received.
///
/// - Source: RFC 1864, `Content-MD5`.
package enum MD5Digest {
    /// The 16 bytes.
    package static func digest(of bytes: [UInt8]) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { buffer in
            var state = Insecure.MD5()
            unsafe state.update(bufferPointer: buffer)
            return Array(state.finalize())
        }
    }
}
