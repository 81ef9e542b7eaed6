// SPDX-License-Identifier: Apache-2.0

import Crypto

/// SHA-256 over bytes that arrive in pieces: the one place that computes it.
public struct SHA256Hasher: Sendable {
    private var state = SHA256()

    /// Starts with no bytes.
    public init() {}

    /// Takes the next bytes, where they are.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        unsafe state.update(bufferPointer: bytes)
    }

    /// Takes the next bytes.
    public mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe state.update(bufferPointer: $0) }
    }

    /// The hash of everything so far; more may follow.
    public func finalize() -> NixHash {
        NixHash(sha256: Array(state.finalize()))
    }

    /// The hash of these bytes alone.
    public static func hash(_ bytes: [UInt8]) -> NixHash {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }
}

extension NixHash {
    fileprivate init(sha256 digest: [UInt8]) {
        precondition(digest.count == HashAlgorithm.sha256.digestByteCount)
        algorithm = .sha256
        self.digest = digest
    }
}
