// SPDX-License-Identifier: Apache-2.0
import Caches
import Foundation

/// Where a command takes its token from; never its arguments, which every user of a machine can see.
package struct TokenSource {
    let file: String?
    let environment: [String: String]

    /// Of the largest token, and the white space around it.
    private static let maximumBytes = IdentityToken.maximumBytes + 1_024

    package init(file: String?, environment: [String: String]) {
        self.file = file
        self.environment = environment
    }

    /// - Throws: ``TokenFileProblem``, which shows nothing of what was read.
    package func read() throws(TokenFileProblem) -> String {
        guard let file else {
            guard let text = environment["FIRN_TOKEN"], !text.isEmpty else { throw .noToken }
            return try Self.checked(text, from: "$FIRN_TOKEN")
        }
        let text: String
        do {
            let handle = try SecretKeyFile.openWithoutWaiting(file)
            let bytes = try handle.read(upToCount: Self.maximumBytes) ?? Data()
            text = String(decoding: bytes, as: UTF8.self)
        } catch let error as KeyFileError {
            guard case .unreadable(_, let reason) = error else { throw .noToken }
            throw .unreadable(file, reason: reason)
        } catch {
            throw .unreadable(file, reason: error.localizedReason)
        }
        return try Self.checked(text, from: file)
    }

    private static func checked(
        _ text: String,
        from place: String
    ) throws(TokenFileProblem) -> String {
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard TokenSecret(parsing: token) != nil || IdentityToken(parsing: token) != nil else {
            throw .notOne(place)
        }
        return token
    }
}

/// There is no token to show.
package enum TokenFileProblem: Error, Hashable, CustomStringConvertible {
    case noToken
    case unreadable(String, reason: String)
    case notOne(String)

    package var description: String {
        switch self {
        case .noToken: "--server needs a token: name its file with --token-file, or set $FIRN_TOKEN"
        case .unreadable(let path, let reason): "\(path): the token cannot be read: \(reason)"
        case .notOne(let place):
            "\(place): holds no token: neither one of Firn's, which begins with firn_, nor a JWT"
        }
    }
}
