// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Foundation

/// The token to read a cache with; never an argument, which everybody on the machine can see.
struct UseToken {
    /// `nil` where there is none.
    let text: String?
    let warnings: [String]

    private static let largestBytes = 16 << 10

    /// `variable`: Is looked at where no file is named.
    init(
        file: String?,
        variable: String,
        environment: [String: String]
    ) throws(UseError) {
        guard let file else {
            warnings = []
            text = try environment[variable].flatMap { $0.isEmpty ? nil : $0 }
                .map { text throws(UseError) in try Self.checked(text, variable) }
            return
        }
        let content: String
        do {
            let handle = try SecretKeyFile.openWithoutWaiting(file)
            defer { try? handle.close() }
            content = String(
                decoding: try handle.read(upToCount: Self.largestBytes) ?? Data(),
                as: UTF8.self
            )
        } catch KeyFileError.unreadable(_, let reason) {
            throw .unreadable(path: file, reason: reason)
        } catch {
            throw .unreadable(path: file, reason: error.localizedReason)
        }
        text = try Self.checked(content, file)
        warnings =
            SecretKeyFile.isWorldReadable(file)
            ? ["\(file): every user can read this secret; chmod 600 \(file)"] : []
    }

    private static func checked(_ text: String, _ source: String) throws(UseError) -> String {
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard NetrcChange.Login.isPlain(token) else { throw .badToken(source: source) }
        return token
    }
}
