// SPDX-License-Identifier: Apache-2.0
import CacheClient
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
        let samples = SamplePaths(storeDirectory: storeDirectory, environment: environment)
        for path in samples.find(atMost: Self.mostPaths)
        where ContinuousClock.now - start < Self.patience {
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
}
