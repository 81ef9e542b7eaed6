// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Which NAR is wanted, in which form.
package struct NARRequest: Hashable, Sendable {
    /// How the bytes of a NAR are packed on the wire.
    package enum Form: Sendable {
        case identity
        /// Seekable zstd: independent frames and a table of them.
        case zstd
    }

    package let storeHash: StorePathHash
    /// `nil` in the one old shape of URL that does not say it.
    package let narHash: NixHash?
    package let form: Form

    package init(storeHash: StorePathHash, narHash: NixHash?, form: Form) {
        self.storeHash = storeHash
        self.narHash = narHash
        self.form = form
    }
}
