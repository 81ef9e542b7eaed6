// SPDX-License-Identifier: Apache-2.0

/// The hash functions that Nix's formats name.
public enum HashAlgorithm: String, CaseIterable, Hashable, Sendable {
    /// MD5, only met in old fixed-output derivations.
    case md5
    /// SHA-1, only met in old fixed-output derivations and Git trees.
    case sha1
    /// SHA-256, which NARs and keys of realisations use.
    case sha256
    /// SHA-512, met in fixed-output derivations.
    case sha512

    /// How many bytes a digest has.
    public var digestByteCount: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha512: 64
        }
    }
}
