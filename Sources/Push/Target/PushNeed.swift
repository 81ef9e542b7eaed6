// SPDX-License-Identifier: Apache-2.0
package import NixStore

/// What has to be done to have a path in a cache.
package enum PushNeed: Hashable, Sendable {
    case send
    /// The cache has the NAR for somebody else: it is enough to show that one has it, too.
    case prove(nonce: [UInt8])
    /// Another cache has it, which this one relies on.
    case elsewhere(upstream: String)
    /// It will not be taken, whatever is sent.
    case refused(reason: String)
}

/// That the sender has a NAR.
package struct PushProof: Hashable, Sendable {
    package let info: PathInfo
    /// As the cache gave it.
    package let nonce: [UInt8]
    /// SHA-256 of the nonce and the NAR, one after the other.
    package let digest: [UInt8]

    package init(info: PathInfo, nonce: [UInt8], digest: [UInt8]) {
        self.info = info
        self.nonce = nonce
        self.digest = digest
    }
}

/// What became of a path that was to be seen.
package enum PushCommit: Hashable, Sendable {
    case there
    /// Its NAR is not there, or not any more: it has to be sent again.
    case absent
    /// Something that it refers to is not there.
    case lacking(reason: String)
    /// It may work a while later.
    case later(reason: String)
    case refused(reason: String)
}
