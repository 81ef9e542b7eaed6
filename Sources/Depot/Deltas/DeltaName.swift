// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What a kept delta is called: what it makes out of what, and how.
///
/// - Shape: `STOREHASH-NARHASH-BASENARHASH.dcz` or `….firn-delta`; the hashes in Nix base-32.
package struct DeltaName: Hashable, Sendable {
    /// How the bytes are packed; the word is the content coding.
    package enum Coding: String, CaseIterable, Hashable, Sendable {
        case dcz
        case segmented = "firn-delta"
    }

    package let storeHash: StorePathHash
    /// Of the NAR that it makes.
    package let narHash: NixHash
    /// Of the NAR that it is made against.
    package let baseHash: NixHash
    package let coding: Coding

    /// Both hashes are SHA-256.
    package init(
        storeHash: StorePathHash,
        narHash: NixHash,
        baseHash: NixHash,
        coding: Coding
    ) {
        self.storeHash = storeHash
        self.narHash = narHash
        self.baseHash = baseHash
        self.coding = coding
    }

    /// - Returns: `nil` for whatever ``description`` does not write.
    package init?(parsing fileName: some StringProtocol) {
        guard let dot = fileName.firstIndex(of: "."),
            let coding = Coding(rawValue: String(fileName[dot...].dropFirst()))
        else { return nil }
        let parts = fileName[..<dot].split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].utf8.count == 52, parts[2].utf8.count == 52,
            let storeHash = try? StorePathHash(parsing: parts[0]),
            let narHash = try? NixHash(parsingDigest: parts[1], algorithm: .sha256),
            let baseHash = try? NixHash(parsingDigest: parts[2], algorithm: .sha256)
        else { return nil }
        self.init(storeHash: storeHash, narHash: narHash, baseHash: baseHash, coding: coding)
    }
}

extension DeltaName: CustomStringConvertible {
    package var description: String {
        let hashes = "\(narHash.digestText(.nix32))-\(baseHash.digestText(.nix32))"
        return "\(storeHash)-\(hashes).\(coding.rawValue)"
    }
}
