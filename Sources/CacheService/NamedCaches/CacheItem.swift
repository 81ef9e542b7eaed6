// SPDX-License-Identifier: Apache-2.0
import Depot
package import NixFormat

/// What there is in a named cache, by what follows the cache's name in a URL.
package enum CacheItem: Hashable, Sendable {
    case cacheInfo
    case narInfo(StorePathHash)
    case closure(StorePathHash)
    /// By the name that narinfos of ours have.
    case nar(NARRequest)
    /// By the name that its sender gives it; only to be sent.
    case sentNAR(SentNARName)
    case listing(StorePathHash)
    case log(StorePath)
    case realisation(DerivationOutputID)
    case buildTrace(derivation: StorePath, output: String)
    /// Firn's own: many deltas in one answer to a `POST`.
    case deltas

    /// A text that nothing depends on.
    var extra: CacheExtra? {
        switch self {
        case .listing(let hash): .listing(hash)
        case .log(let path): .log(path)
        case .realisation(let id): .realisation(id)
        case .buildTrace(let derivation, let output):
            .buildTrace(derivation: derivation, output: output)
        case .cacheInfo, .narInfo, .closure, .nar, .sentNAR, .deltas: nil
        }
    }
}

/// What Nix calls a NAR that it sends to a binary cache.
///
/// - Shape: `FILEHASH.nar` and what the file is compressed with; 52 characters of Nix base-32.
package struct SentNARName: Hashable, Sendable, CustomStringConvertible {
    /// SHA-256 of the file.
    package let fileHash: NixHash
    package let compression: NARCompression

    /// - Returns: `nil` for a name of another shape.
    package init?(parsing name: some StringProtocol) {
        guard let dot = name.firstIndex(of: "."), name[dot...].hasPrefix(".nar"),
            let hash = try? NixHash(parsing: "sha256:\(name[..<dot])"),
            name[..<dot].utf8.count == 52
        else { return nil }
        let rest = String(name[dot...].dropFirst(4))
        if rest.isEmpty {
            compression = .none
        } else {
            guard let known = PassedFile.extensions.first(where: { $0.text == rest }) else {
                return nil
            }
            compression = known.compression
        }
        fileHash = hash
    }

    package var description: String {
        let text = PassedFile.extensions.first { $0.compression == compression }?.text ?? ""
        return "\(fileHash.digestText(.nix32)).nar\(text)"
    }
}
