// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A delta of a NAR that is too large for one piece: segment by segment, each against a few stretches
/// of the base.
///
/// Made and read with the memory of one segment and its stretches, however large the NARs are. Only
/// two Firns that have both said so speak it.
///
/// - Source: `docs/formats/delta.md`.
package enum SegmentedDelta {
    /// The token in `Accept-Encoding` and `Content-Encoding`.
    package static let token = "firn-delta"

    /// `firn`, a Greek delta, the version 1 and a line feed.
    static let magic: [UInt8] = [0x66, 0x69, 0x72, 0x6E, 0xCE, 0x94, 0x01, 0x0A]
    static let headBytes = 8 + 32 + 32 + 8 + 8

    /// What a segment takes at most until all of it has come.
    package static let maximumArrivingBytes = 11 + maximumStretches * 12 + maximumFrameBytes

    /// Bytes of the target in one segment, at most.
    package static let maximumSegmentBytes = 4 << 20
    /// All but the last have so much: otherwise a few bytes could have a reader go through its base for
    /// each byte that it makes.
    package static let minimumSegmentBytes = 1 << 20
    /// Bytes of the base that one segment may refer to, all its stretches together.
    package static let maximumPrefixBytes = 12 << 20
    /// Stretches of the base in one segment.
    package static let maximumStretches = 64
    /// What does not become smaller becomes larger by less than this.
    static let maximumFrameBytes = maximumSegmentBytes + (64 << 10)

    /// What a delta is about.
    package struct Head: Hashable, Sendable {
        /// NarHash of the base and of the target.
        package var baseHash: NixHash
        package var targetHash: NixHash
        package var baseSizeBytes: UInt64
        package var targetSizeBytes: UInt64

        package init(
            baseHash: NixHash,
            targetHash: NixHash,
            baseSizeBytes: UInt64,
            targetSizeBytes: UInt64
        ) {
            self.baseHash = baseHash
            self.targetHash = targetHash
            self.baseSizeBytes = baseSizeBytes
            self.targetSizeBytes = targetSizeBytes
        }
    }

    /// The next bytes of the target.
    package struct Segment: Hashable, Sendable {
        package let targetBytes: Int
        /// Stretches of the base that are the frame's prefix, one behind the other in this order.
        package let stretches: [Range<UInt64>]
        /// Shares the memory that it arrived in.
        package let frame: ArraySlice<UInt8>

        /// What the making of it takes: its prefix, and what comes out.
        package var memoryBytes: Int { stretches.reduce(targetBytes) { $0 + $1.count } }
    }

    // MARK: Writing

    package static func write(_ head: Head) -> [UInt8] {
        var bytes = magic + head.baseHash.digest + head.targetHash.digest
        append(head.baseSizeBytes, bytes: 8, to: &bytes)
        append(head.targetSizeBytes, bytes: 8, to: &bytes)
        return bytes
    }

    /// What comes behind the last segment.
    package static let end: [UInt8] = [0]

    static func append(_ number: UInt64, bytes count: Int, to output: inout [UInt8]) {
        for index in 0..<count { output.append(UInt8(truncatingIfNeeded: number >> (index * 8))) }
    }
}
