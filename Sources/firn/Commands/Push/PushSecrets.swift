// SPDX-License-Identifier: Apache-2.0
import Foundation
package import NixFormat

/// Who a push is from: never an argument, which everybody on the machine can see.
package struct PushSecrets: Sendable {
    package enum Failure: Error, Hashable, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case badToken(source: String)
        case badKey(source: String, reason: String)

        package var description: String {
            switch self {
            case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
            case .badToken(let source):
                "\(source) is not a token: it is empty, or has more than one word in it"
            case .badKey(let source, let reason):
                "\(source) is not a signing key, NAME:BASE64: \(reason)"
            }
        }
    }

    /// Empty when there is none.
    package let token: String
    package let signingKey: SecretKey?
    package let warnings: [String]

    private static let largestBytes = 64 << 10

    /// Files win over the variables `CACHIX_AUTH_TOKEN` and `CACHIX_SIGNING_KEY`.
    package init(
        tokenFile: String?,
        signingKeyFile: String?,
        environment: [String: String]
    ) throws(Failure) {
        var warnings: [String] = []
        if let tokenFile {
            token = try Self.token(in: Self.read(tokenFile, &warnings), tokenFile)
        } else if let text = environment["CACHIX_AUTH_TOKEN"], !text.isEmpty {
            token = try Self.token(in: text, "CACHIX_AUTH_TOKEN")
        } else {
            token = ""
        }
        if let signingKeyFile {
            signingKey = try Self.key(in: Self.read(signingKeyFile, &warnings), signingKeyFile)
        } else if let text = environment["CACHIX_SIGNING_KEY"], !text.isEmpty {
            signingKey = try Self.key(in: text, "CACHIX_SIGNING_KEY")
        } else {
            signingKey = nil
        }
        self.warnings = warnings
    }

    private static func read(
        _ path: String,
        _ warnings: inout [String]
    ) throws(Failure) -> String {
        var bytes = Data()
        do {
            let handle = try SecretKeyFile.openWithoutWaiting(path)
            defer { try? handle.close() }
            // A pipe hands out what it has, so one read may be short.
            while bytes.count <= largestBytes,
                let more = try handle.read(upToCount: largestBytes + 1 - bytes.count),
                !more.isEmpty
            { bytes.append(more) }
        } catch KeyFileError.unreadable(_, let reason) {
            throw .unreadable(path: path, reason: reason)
        } catch {
            throw .unreadable(path: path, reason: error.localizedReason)
        }
        guard bytes.count <= largestBytes else {
            throw .unreadable(path: path, reason: "it is larger than \(largestBytes) bytes")
        }
        if SecretKeyFile.isWorldReadable(path) {
            warnings.append("\(path): every user can read this secret; chmod 600 \(path)")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func token(in text: String, _ source: String) throws(Failure) -> String {
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .badToken(source: source)
        }
        return token
    }

    private static func key(in text: String, _ source: String) throws(Failure) -> SecretKey {
        do {
            return try SecretKey(parsing: text)
        } catch {
            throw .badKey(source: source, reason: "\(error)")
        }
    }
}
