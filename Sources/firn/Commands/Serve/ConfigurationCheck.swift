// SPDX-License-Identifier: Apache-2.0
import Foundation

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
        if keys.willMakeKey {
            return ["there is no key yet; the first start makes \(keys.stateFolder)/secret-key"]
        }
        return try keys.load().warnings
    }

    /// The settings in force, in the form of the file.
    var text: String {
        let source = outcome.file ?? "no file; defaults, variables and flags"
        let lines = Setting.all.map { setting in
            let value = setting.show(outcome.configuration)
            return value.isEmpty ? "\(setting.key) is not set" : "\(setting.key) = \(value)"
        }
        return (["configuration is valid (\(source))"] + lines).joined(separator: "\n")
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
