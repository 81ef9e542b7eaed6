// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// The body of a `POST` to `FirnRoute.deltas`: NARs that are wanted, and what each may be made of.
///
/// - Shape: a line for each NAR, `STOREHASH-NARHASH` of it and of each base with spaces between; Nix
///   base-32, a line feed behind each line.
package struct DeltaOrder: Hashable, Sendable {
    /// A NAR by both of its hashes.
    package struct NAR: Hashable, Sendable {
        package let storeHash: StorePathHash
        package let narHash: NixHash

        package init(storeHash: StorePathHash, narHash: NixHash) {
            self.storeHash = storeHash
            self.narHash = narHash
        }

        /// - Returns: `nil` unless it is as ``description`` writes it.
        package init?(parsing text: some StringProtocol) {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[1].utf8.count == 52,
                let storeHash = try? StorePathHash(parsing: parts[0]),
                let narHash = try? NixHash(parsingDigest: parts[1], algorithm: .sha256)
            else { return nil }
            self.init(storeHash: storeHash, narHash: narHash)
        }
    }

    package struct Wish: Hashable, Sendable {
        package let target: NAR
        /// The best first.
        package let bases: [NAR]

        package init(target: NAR, bases: [NAR]) {
            self.target = target
            self.bases = bases
        }
    }

    package let wishes: [Wish]

    package static let maximumWishes = 128
    package static let maximumBases = 4
    /// Of a whole body.
    package static let maximumBytes = 64 << 10
    package static let contentType = "text/x-firn-delta-order"

    /// What the answer has for each wish, in their order: four bytes of length, little-endian, and a
    /// body of `dcz`; the length is 0 where there is none, or one that has to be asked for alone.
    package static let answerType = "application/x-firn-deltas"
    /// What is larger is to be asked for alone.
    package static let maximumDeltaBytes = 64 << 10

    package init(_ wishes: [Wish]) {
        self.wishes = Array(wishes.prefix(Self.maximumWishes))
    }

    /// - Returns: `nil` for whatever ``write()`` does not write.
    package init?(parsing bytes: [UInt8]) {
        guard bytes.count <= Self.maximumBytes,
            let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n")
        else { return nil }
        var wishes: [Wish] = []
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            let nars = words.compactMap { NAR(parsing: $0) }
            guard nars.count == words.count, (2...Self.maximumBases + 1).contains(nars.count),
                wishes.count < Self.maximumWishes
            else { return nil }
            wishes.append(Wish(target: nars[0], bases: Array(nars[1...])))
        }
        self.wishes = wishes
    }

    package func write() -> [UInt8] {
        Array(
            wishes.map { wish in
                ([wish.target] + wish.bases.prefix(Self.maximumBases)).map(\.description)
                    .joined(separator: " ") + "\n"
            }.joined().utf8
        )
    }
}

extension DeltaOrder.NAR: CustomStringConvertible {
    package var description: String { "\(storeHash)-\(narHash.digestText(.nix32))" }
}
