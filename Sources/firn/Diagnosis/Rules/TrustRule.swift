// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Whether Nix believes what the caches say.
enum TrustRule {
    static func findings(_ evidence: Evidence) -> [Finding] {
        evidence.caches.flatMap { cache in
            [
                keys(cache, evidence.nix), ownKeys(cache, evidence.daemon),
                signature(cache, evidence),
            ]
            .compactMap { $0 }
        }
    }

    private static func keys(_ cache: CacheFacts, _ nix: NixFacts) -> Finding? {
        switch cache.role {
        case .wanted: break
        case .listed: guard cache.advertisedKeys != nil || cache.sample != nil else { return nil }
        // Their keys are in the daemon's configuration.
        case .own, .tier: return nil
        }
        guard cache.reach == .answers, !nix.settings.isEmpty else { return nil }
        let trusted = nix.trustedKeys
        if let advertised = cache.advertisedKeys {
            return advertised.isEmpty ? nil : keys(advertised, of: cache, trusted)
        }
        guard let names = cache.sample?.info.signatures.map(\.keyName), !names.isEmpty else {
            return Finding(
                .keys,
                of: cache.url,
                .skip,
                "it tells no key, and shares no signed path"
            )
        }
        let known = trusted.compactMap { try? PublicKey(parsing: $0) }.map(\.name)
        guard names.contains(where: known.contains) else {
            return Finding(
                .keys,
                of: cache.url,
                .fail,
                "signs with \(names.joined(separator: ", ")), which trusted-public-keys does not have",
                remedy: "firn use \(cache.url) --public-key KEY"
            )
        }
        return Finding(.keys, of: cache.url, .pass, "signs with a key that is trusted")
    }

    private static func keys(
        _ advertised: [String],
        of cache: CacheFacts,
        _ trusted: [String]
    ) -> Finding {
        guard !advertised.contains(where: trusted.contains) else {
            return Finding(.keys, of: cache.url, .pass, "its key is trusted")
        }
        let names = advertised.map(name)
        if let wrong = trusted.first(where: { names.contains(name($0)) }) {
            return Finding(
                .keys,
                of: cache.url,
                .fail,
                "the key \(name(wrong)) in trusted-public-keys is not the one that it has now",
                remedy: "remove \(wrong), then firn use \(cache.url)"
            )
        }
        return Finding(
            .keys,
            of: cache.url,
            .fail,
            "its key \(names.joined(separator: ", ")) is not in trusted-public-keys: Nix would build"
                + " what it could have fetched",
            remedy: "firn use \(cache.url)"
        )
    }

    /// The daemon may run with other keys than its files have.
    private static func ownKeys(_ cache: CacheFacts, _ daemon: DaemonFacts?) -> Finding? {
        guard cache.role == .own, let configured = daemon?.configuredKeys,
            let advertised = cache.advertisedKeys
        else { return nil }
        guard Set(configured) != Set(advertised) else {
            return Finding(.keys, of: cache.url, .pass, "signs with the keys of its files")
        }
        return Finding(
            .keys,
            of: cache.url,
            .fail,
            "signs with \(advertised.map(name).joined(separator: ", ")), and its files have other keys",
            remedy: "sudo systemctl reload firn"
        )
    }

    private static func name(_ key: String) -> String { String(key.prefix { $0 != ":" }) }

    private static func signature(_ cache: CacheFacts, _ evidence: Evidence) -> Finding? {
        guard cache.reach == .answers else { return nil }
        guard let sample = cache.sample else {
            return Finding(.signature, of: cache.url, .skip, "has none of the paths tried here")
        }
        let path = "\(sample.info.storePath)"
        if sample.bytes == .differ {
            return Finding(
                .signature,
                of: cache.url,
                .fail,
                "its NAR of \(path) is not what its narinfo says",
                remedy: "there: firn fsck --repair"
            )
        }
        let keys = (cache.advertisedKeys ?? []) + evidence.nix.trustedKeys
        return verified(sample, by: keys, of: cache, path)
    }

    private static func verified(
        _ sample: CacheFacts.Sample,
        by texts: [String],
        of cache: CacheFacts,
        _ path: String
    ) -> Finding {
        let keys = texts.compactMap { try? PublicKey(parsing: $0) }
        let fingerprint = sample.info.fingerprint(in: sample.storeDirectory)
        var bytes = ""
        switch sample.bytes {
        case .match: bytes = "; its NAR was fetched and is right"
        case .untried(let reason): bytes = "; its NAR was not fetched: \(reason)"
        case .differ: break
        }
        var isForged = false
        for signature in sample.info.signatures {
            let named = keys.filter { $0.name == signature.keyName }
            if named.contains(where: { $0.verifies(signature, of: fingerprint) }) {
                return Finding(
                    .signature,
                    of: cache.url,
                    .pass,
                    "\(signature.keyName) has signed \(path)\(bytes)"
                )
            }
            isForged = isForged || !named.isEmpty
        }
        if isForged {
            return Finding(
                .signature,
                of: cache.url,
                .fail,
                "the signature of \(path) has the name of a known key and is not by it",
                remedy: "there: sudo systemctl reload firn, after its key was changed"
            )
        }
        guard !sample.info.signatures.isEmpty else {
            return Finding(
                .signature,
                of: cache.url,
                .warn,
                "nobody has signed \(path): Nix refuses it",
                remedy: "there: a key in [signing] keys"
            )
        }
        let names = sample.info.signatures.map(\.keyName).joined(separator: ", ")
        return Finding(
            .signature,
            of: cache.url,
            .skip,
            "\(path) is signed by \(names), whose key is not known here"
        )
    }
}
