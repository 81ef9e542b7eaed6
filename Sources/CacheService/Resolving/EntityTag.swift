// SPDX-License-Identifier: Apache-2.0
import NixFormat

extension [UInt8] {
    /// A validator that is equal only for equal bytes.
    var strongEntityTag: String {
        var hasher = SHA256Hasher()
        hasher.update(self)
        return hasher.finalize().digestText(.nix32)
    }
}
