// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// A text of a named cache that nothing depends on: each may be there or not.
package enum CacheExtra: Hashable, Sendable {
    /// `HASH.ls`
    case listing(StorePathHash)
    /// `log/DRV`
    case log(StorePath)
    /// `realisations/ID.doi`
    case realisation(DerivationOutputID)
    /// `build-trace-v2/DRV/OUTPUT.doi`
    case buildTrace(derivation: StorePath, output: String)

    package init?(parsing path: some StringProtocol) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        switch (parts.count, parts[0]) {
        case (1, let name) where name.hasSuffix(".ls"):
            guard let hash = try? StorePathHash(parsing: String(name.dropLast(3))) else {
                return nil
            }
            self = .listing(hash)
        case (2, "log"):
            guard let path = try? StorePath(parsing: String(parts[1])) else { return nil }
            self = .log(path)
        case (2, "realisations") where parts[1].hasSuffix(".doi"):
            let text = String(parts[1].dropLast(4))
            guard let id = try? DerivationOutputID(parsing: text) else { return nil }
            self = .realisation(id)
        case (3, "build-trace-v2") where parts[2].hasSuffix(".doi"):
            let output = String(parts[2].dropLast(4))
            guard let path = try? StorePath(parsing: String(parts[1])), path.isDerivation,
                (try? StorePath(hash: path.hash, name: output)) != nil
            else { return nil }
            self = .buildTrace(derivation: path, output: output)
        default: return nil
        }
    }
}

extension CacheExtra: CustomStringConvertible {
    package var description: String {
        switch self {
        case .listing(let hash): "\(hash).ls"
        case .log(let path): "log/\(path)"
        case .realisation(let id): "realisations/\(id).doi"
        case .buildTrace(let derivation, let output): "build-trace-v2/\(derivation)/\(output).doi"
        }
    }
}
