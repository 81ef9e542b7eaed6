// SPDX-License-Identifier: Apache-2.0
import CacheClient
import Foundation
import NixFormat

/// Looks whether a cache signs with the key that it is said to, by a path that both sides have.
struct SignatureCheck {
    enum Outcome {
        case fits(path: String, key: String)
        /// Paths that the cache has, and that none of the keys signed.
        case otherSigners(path: String, names: [String])
        /// None of the paths that were tried is in the cache.
        case nothingShared
    }

    let cache: FoundCache
    let storeDirectory: StoreDirectory
    let environment: [String: String]

    private static let mostPaths = 16
    private static let patience = Duration.seconds(5)
    private static let likely = ["/run/current-system", "/nix/var/nix/profiles/default"]

    /// - Throws: ``UseError/wrongKey(url:path:key:)`` for a signature that has the name of a key, and
    ///   is not that key's.
    func run() async throws(UseError) -> Outcome {
        let reader = CacheReader(
            url: "\(cache.url)",
            login: cache.login?.asCacheLogin,
            certificate: .trustedHere
        )
        let start = ContinuousClock.now
        var others: Outcome?
        for path in samples() where ContinuousClock.now - start < Self.patience {
            guard let info = (try? await reader.narInfo(path.hash, in: storeDirectory)) ?? nil
            else {
                continue
            }
            let fingerprint = info.fingerprint(in: storeDirectory)
            for signature in info.signatures {
                let named = cache.publicKeys.filter { $0.name == signature.keyName }
                guard let key = named.first else { continue }
                guard named.contains(where: { $0.verifies(signature, of: fingerprint) }) else {
                    throw .wrongKey(url: "\(cache.url)", path: "\(info.storePath)", key: key.name)
                }
                return .fits(path: "\(info.storePath)", key: key.name)
            }
            let names = info.signatures.map(\.keyName)
            others = others ?? .otherSigners(path: "\(info.storePath)", names: names)
        }
        return others ?? .nothingShared
    }

    /// Paths of this machine, those first that others are likely to have as well.
    private func samples() -> [StorePath] {
        let manager = FileManager.default
        let prefix = "\(storeDirectory.path)/"
        var names = Self.likely.compactMap { link -> String? in
            let target = URL(filePath: link).resolvingSymlinksInPath().path()
            guard target.hasPrefix(prefix) else { return nil }
            return target.dropFirst(prefix.count).split(separator: "/").first.map(String.init)
        }
        // A store elsewhere is named by its root.
        let remote = environment["NIX_REMOTE"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? ""
        // Only so many are looked at: a store has a hundred thousand.
        let store = manager.enumerator(
            at: URL(filePath: remote + storeDirectory.path),
            includingPropertiesForKeys: nil,
            options: [.skipsSubdirectoryDescendants]
        )
        while names.count < 8 * Self.mostPaths, let next = store?.nextObject() as? URL {
            names.append(next.lastPathComponent)
        }
        let paths = names.compactMap { try? StorePath(parsing: $0) }.filter { !$0.isDerivation }
        return Array(paths.prefix(Self.mostPaths))
    }
}
