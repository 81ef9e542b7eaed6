// SPDX-License-Identifier: Apache-2.0
import Foundation
import NixStore

/// What `firn serve --check` looks at and says.
struct ConfigurationCheck {
    let outcome: ConfigurationLoader.Outcome
    let keys: SigningKeyFiles

    /// Looks at the files that the settings name, as the start would.
    ///
    /// - Returns: What is no error but worth a word.
    func verify() throws -> [String] {
        if let tls = outcome.configuration.tls {
            for path in [tls.certificate, tls.key] { try checkReadable(path) }
        }
        try Self.requireStore(below: outcome.configuration.store.root)
        var warnings = try tierSecrets().flatMap(\.warnings)
        let store = NixStoreConfiguration(root: outcome.configuration.store.root)
        if let warning = try DepotAssembly.check(outcome.configuration, store.storeDirectory) {
            warnings.append(warning)
        }
        if keys.willMakeKey {
            let news = "there is no key yet; the first start makes \(keys.stateFolder)/secret-key"
            return [news] + warnings
        }
        return try keys.load().warnings + warnings
    }

    /// Reads the files that the tiers name, one outcome for each tier.
    func tierSecrets() throws(ConfigurationError) -> [TierSecrets.Outcome] {
        var outcomes: [TierSecrets.Outcome] = []
        for tier in outcome.configuration.tiers {
            let folder = keys.credentialsFolder
            outcomes.append(try TierSecrets.read(for: tier, credentialsFolder: folder))
        }
        return outcomes
    }

    /// The settings in force, in the form of the file.
    var text: String {
        let source = outcome.file ?? "no file; defaults, variables and flags"
        let lines = Setting.all.map { setting in
            let value = setting.show(outcome.configuration)
            return value.isEmpty ? "\(setting.key) is not set" : "\(setting.key) = \(value)"
        }
        let tiers = outcome.configuration.tiers.flatMap { tier in
            let fields = TierField.all.map { ($0.key, $0.show(tier)) }
            return ["", "[[tier]]"]
                + fields.filter { !$0.1.isEmpty }.map { "\($0.0) = \($0.1)" }
        }
        let caches = outcome.configuration.caches.flatMap { cache in
            let fields = CacheField.all.map { ($0.key, $0.show(cache.draft)) }
            return ["", "[[cache]]"]
                + fields.filter { !$0.1.isEmpty }.map { "\($0.0) = \($0.1)" }
        }
        let identities = outcome.configuration.identities.flatMap { identity in
            let fields = IdentityField.all.map { ($0.key, $0.show(identity.draft)) }
            return ["", "[[oidc]]"]
                + fields.filter { !$0.1.isEmpty }.map { "\($0.0) = \($0.1)" }
        }
        let hosts = outcome.configuration.hosts.flatMap { host in
            let fields = HostField.all.map { ($0.key, $0.show(host)) }
            return ["", "[hosts.\(host.name)]"]
                + fields.filter { !$0.1.isEmpty }.map { "\($0.0) = \($0.1)" }
        }
        let text = ["configuration is valid (\(source))"] + lines
        return (text + tiers + caches + identities + hosts).joined(separator: "\n")
    }

    /// A store that is not there is a mistake of the configuration, unlike one that does not answer.
    static func requireStore(below root: String) throws(ServeError) {
        let store = root.hasSuffix("/") ? "\(root)nix/store" : "\(root)/nix/store"
        guard FileManager.default.fileExists(atPath: store) else {
            throw .storeMissing(root: root)
        }
    }

    private func checkReadable(_ path: String) throws {
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            _ = try handle.read(upToCount: 1)
            try handle.close()
        } catch {
            throw ServeError.unusableTLS(path: path, reason: error.localizedReason)
        }
    }
}
