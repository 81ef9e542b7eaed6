// SPDX-License-Identifier: Apache-2.0
import Foundation
package import NixFormat

/// The keys that the daemon signs with, as files: read at start and again on every SIGHUP.
package struct SigningKeyFiles: Hashable, Sendable {
    /// What was read, and what its owner should know about it.
    package struct Outcome: Sendable {
        package let keys: [SecretKey]
        package let warnings: [String]
    }

    /// In the order of the configuration; empty where Firn makes its own.
    package let configuredPaths: [String]
    /// Where the key is that Firn makes on first start.
    package let stateFolder: String
    /// Files below it are guarded by the service manager, whatever their permission bits say.
    package let credentialsFolder: String?

    package init(_ configuration: FirnConfiguration, environment: [String: String]) {
        configuredPaths = configuration.signing.keys
        stateFolder = configuration.server.state
        credentialsFolder = environment["CREDENTIALS_DIRECTORY"]
    }

    private var ownPath: String { "\(stateFolder)/secret-key" }
    private var ownPublicPath: String { "\(stateFolder)/public-key" }

    /// Whether the next start makes a key.
    package var willMakeKey: Bool {
        configuredPaths.isEmpty && !FileManager.default.fileExists(atPath: ownPath)
    }

    /// Reads every key anew.
    ///
    /// - Throws: For the first file that is no key; a reload then keeps the keys it had.
    package func load() throws(KeyFileError) -> Outcome {
        let paths = configuredPaths.isEmpty ? [ownPath] : configuredPaths
        var keys: [SecretKey] = []
        var warnings: [String] = []
        for path in paths {
            keys.append(try SecretKeyFile.read(path))
            if SecretKeyFile.isWorldReadable(path), !isCredential(path) {
                warnings.append("\(path): every user can read this secret key; chmod 600 \(path)")
            }
        }
        return Outcome(keys: keys, warnings: warnings)
    }

    /// The same at start, where Firn makes itself a key if it was given none.
    package func loadOrMake(hostName: String) throws(KeyFileError) -> Outcome {
        if willMakeKey { try makeOwnKey(hostName: hostName) }
        let outcome = try load()
        if configuredPaths.isEmpty, let key = outcome.keys.first { publish(key.publicKey) }
        return outcome
    }

    private func makeOwnKey(hostName: String) throws(KeyFileError) {
        let name = "\(Self.label(hostName))-firn-1"
        do {
            try FileManager.default.createDirectory(
                atPath: stateFolder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o755]
            )
        } catch {
            throw .notWritable(path: ownPath, reason: error.localizedReason)
        }
        let key: SecretKey
        do {
            key = try SecretKey.generate(name: name)
        } catch {
            throw .badName(name, error)
        }
        do {
            try NewFile.write(key.secretText(), to: ownPath, mode: 0o600)
        } catch .alreadyThere {
            // Another start was faster; its key is as good.
        }
    }

    /// Keeps the public key beside the secret one, for people.
    ///
    /// After a crash, or when somebody replaced the secret, it is put right by the next start; a
    /// folder that cannot be written is no reason not to serve.
    private func publish(_ key: PublicKey) {
        let text = key.description
        if let now = try? String(contentsOfFile: ownPublicPath, encoding: .utf8), now == text {
            return
        }
        try? Data(text.utf8).write(to: URL(filePath: ownPublicPath), options: .atomic)
    }

    private func isCredential(_ path: String) -> Bool {
        guard let credentialsFolder, !credentialsFolder.isEmpty else { return false }
        return path.hasPrefix(
            credentialsFolder.hasSuffix("/") ? credentialsFolder : "\(credentialsFolder)/"
        )
    }

    /// A host's name as part of a key's name: the first label, and nothing that a name cannot have.
    package static func label(_ hostName: String) -> String {
        let label = hostName.prefix { $0 != "." }
            .filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        return label.isEmpty ? "host" : String(label)
    }
}
