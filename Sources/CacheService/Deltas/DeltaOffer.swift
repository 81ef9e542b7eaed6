// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What a client can make a NAR out of.
package struct DeltaOffer: Hashable, Sendable {
    /// A NAR that it has.
    package struct Base: Hashable, Sendable {
        /// Where it is known by its hash alone, `nil`.
        package let storeHash: StorePathHash?
        package let narHash: NixHash

        package init(storeHash: StorePathHash?, narHash: NixHash) {
            self.storeHash = storeHash
            self.narHash = narHash
        }
    }

    /// The best first; at most ``maximumBases``.
    package var bases: [Base]
    /// Whether it reads `dcz`, and whether it reads Firn's own form of large deltas.
    package var readsDCZ: Bool
    package var readsSegments: Bool
    /// Whether it takes a NAR packed with zstd where there is no delta.
    package var readsZstd: Bool
    /// Bytes of NARs in a second that are enough, since its link brings no more of them; `nil` for as
    /// fast as can be.
    package var pace: UInt64?

    package static let maximumBases = 4

    package init(
        bases: [Base],
        readsDCZ: Bool,
        readsSegments: Bool,
        readsZstd: Bool,
        pace: UInt64? = nil
    ) {
        self.bases = Array(bases.prefix(Self.maximumBases))
        self.readsDCZ = readsDCZ
        self.readsSegments = readsSegments
        self.readsZstd = readsZstd
        self.pace = pace
    }
}

/// A NAR as a client gets it that offered something.
package struct CodedNAR: Sendable {
    package let answer: NARAnswer
    /// The content coding; `nil` for the NAR as it is.
    package let coding: String?
}
