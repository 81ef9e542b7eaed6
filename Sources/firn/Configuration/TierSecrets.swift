// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What Firn says to a tier about who it is, as it was read from the files that the tier names.
///
/// Never shown: its description tells the kind only.
package enum TierSecrets: Hashable, Sendable {
    case none
    /// The text of a netrc file.
    case netrc(String)
    /// For Bearer authentication; visible ASCII, without white space.
    case token(String)

    /// What was read, and what its owner should know about it.
    package struct Outcome: Sendable {
        package let secrets: TierSecrets
        package let warnings: [String]
    }

    /// A token has some hundred bytes, a netrc file a line for each host.
    private static let largestBytes = 64 << 10

    /// Reads the file of a tier, if it names one.
    ///
    /// Files below `credentialsFolder` are guarded by the service manager, whatever their permission
    /// bits say.
    ///
    /// - Throws: ``ConfigurationError/badFile(of:at:path:reason:)`` with the line that names the file.
    package static func read(
        for tier: TierSettings,
        credentialsFolder: String?
    ) throws(ConfigurationError) -> Outcome {
        let key: String
        let file: TierSettings.NamedFile
        let secrets: TierSecrets
        if let named = tier.tokenFile {
            (key, file) = ("tier.token-file", named)
            secrets = .token(try token(in: try text(of: file, key), file, key))
        } else if let named = tier.netrc {
            (key, file) = ("tier.netrc", named)
            let text = try text(of: file, key)
            guard text.contains("machine") || text.contains("default") else {
                throw bad(file, key, "has no entry of a machine in it")
            }
            secrets = .netrc(text)
        } else {
            return Outcome(secrets: .none, warnings: [])
        }
        var warnings: [String] = []
        if SecretKeyFile.isWorldReadable(file.path), !isBelow(credentialsFolder, file.path) {
            warnings.append("\(file.path): every user can read this secret; chmod 600 \(file.path)")
        }
        return Outcome(secrets: secrets, warnings: warnings)
    }

    private static func text(
        of file: TierSettings.NamedFile,
        _ key: String
    ) throws(ConfigurationError) -> String {
        var bytes = Data()
        do {
            let handle = try SecretKeyFile.openWithoutWaiting(file.path)
            defer { try? handle.close() }
            // A pipe hands out what it has, so one read may be short.
            while bytes.count <= largestBytes,
                let more = try handle.read(upToCount: largestBytes + 1 - bytes.count),
                !more.isEmpty
            { bytes.append(more) }
        } catch KeyFileError.unreadable(_, let reason) {
            throw bad(file, key, "cannot be read: \(reason)")
        } catch {
            throw bad(file, key, "cannot be read: \(error.localizedReason)")
        }
        guard bytes.count <= largestBytes else {
            throw bad(file, key, "is larger than \(largestBytes) bytes")
        }
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw bad(file, key, "is not UTF-8 text")
        }
        return text
    }

    private static func token(
        in text: String,
        _ file: TierSettings.NamedFile,
        _ key: String
    ) throws(ConfigurationError) -> String {
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw bad(file, key, "is empty") }
        guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw bad(file, key, "has more than one word in it, or characters no token has")
        }
        return token
    }

    private static func bad(
        _ file: TierSettings.NamedFile,
        _ key: String,
        _ reason: String
    ) -> ConfigurationError {
        .badFile(of: key, at: file.origin, path: file.path, reason: reason)
    }

    private static func isBelow(_ folder: String?, _ path: String) -> Bool {
        guard let folder, !folder.isEmpty else { return false }
        return path.hasPrefix(folder.hasSuffix("/") ? folder : "\(folder)/")
    }
}

extension TierSecrets: CustomStringConvertible, CustomReflectable {
    package var description: String {
        switch self {
        case .none: "none"
        case .netrc: "netrc"
        case .token: "token"
        }
    }

    package var customMirror: Mirror { Mirror(self, children: ["kind": description]) }
}
