// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A path that somebody would like to push.
package struct PathQuestion: Hashable, Sendable {
    package let path: StorePath
    package let narHash: NixHash
    package let narSizeBytes: UInt64
    /// The names of the keys that are said to have signed it.
    package let signedBy: [String]

    package init(path: StorePath, narHash: NixHash, narSizeBytes: UInt64, signedBy: [String]) {
        self.path = path
        self.narHash = narHash
        self.narSizeBytes = narSizeBytes
        self.signedBy = signedBy
    }
}

/// What has to be done about such a path.
package enum PathNeed: Hashable, Sendable {
    /// Nothing: it is in the cache.
    case present
    case send
    /// The depot has its NAR for somebody else: who has it too need not send it.
    case prove(nonce: [UInt8])
    /// Nothing: this upstream has it.
    case elsewhere(upstream: String)
    /// It will not be taken.
    case refused(reason: String)
}
