// SPDX-License-Identifier: Apache-2.0

/// What is wrong with the configuration: one cause, one place, one thing to do.
package enum ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    case fileMissing(path: String, namedBy: SettingOrigin)
    case fileUnreadable(path: String, reason: String)
    case syntax(path: String, line: Int, column: Int, reason: String)
    case unknownKey(String, at: SettingOrigin, suggestion: String?)
    /// A section's name was given a value.
    case notATable(String, at: SettingOrigin, found: String)
    /// Something else where tables of one kind are listed.
    case notAList(String, at: SettingOrigin, found: String)
    case missingKey(String, at: SettingOrigin, advice: String)
    /// Firn would ask itself.
    case tierIsThisServer(name: String, url: TierURL, at: SettingOrigin, listening: ServeAddress)
    /// A file that a setting names; `reason` continues the sentence "the file …".
    case badFile(of: String, at: SettingOrigin, path: String, reason: String)
    /// Two settings of which only one can be.
    case excluded(String, by: String, at: SettingOrigin)
    case badValue(of: String, at: SettingOrigin, expected: String, problem: SettingProblem)
    case incompleteTLS(missing: String)
    case badSocketActivation(variable: String, value: String)

    package var description: String {
        switch self {
        case .fileMissing(let path, let origin):
            "\(path): there is no such file, but \(origin) names it"
        case .fileUnreadable(let path, let reason):
            "\(path): cannot be read: \(reason)"
        case .syntax(let path, let line, let column, let reason):
            "\(path):\(line): not valid TOML at column \(column): \(reason)"
        case .unknownKey(let key, let origin, let suggestion):
            "\(origin): unknown key \"\(key)\"" + Self.hint(suggestion)
        case .notATable(let key, let origin, let found):
            "\(origin): \"\(key)\" is a section, not \(found); write [\(key)]"
        case .notAList(let key, let origin, let found):
            "\(origin): \"\(key)\" is a list of tables, not \(found); write [[\(key)]] for each"
        case .missingKey(let key, let origin, let advice):
            "\(origin): \(key) is missing; \(advice)"
        case .tierIsThisServer(let name, let url, let origin, let address):
            "\(origin): tier \"\(name)\": \(url) is this very server, which listens on \(address);"
                + " remove it"
        case .badFile(let key, let origin, let path, let reason):
            "\(origin): \(key): the file \(path) \(reason)"
        case .excluded(let key, let other, let origin):
            "\(origin): \(key) cannot be together with \(other); remove one"
        case .badValue(let key, let origin, let expected, let problem):
            "\(origin): \(key) \(Self.describe(problem, expected: expected))"
        case .incompleteTLS(let missing):
            "\(missing) is missing: TLS needs both server.tls.certificate and server.tls.key"
        case .badSocketActivation(let variable, let value):
            "$\(variable) is \"\(value)\", which is not what a service manager passes"
        }
    }

    private static func hint(_ suggestion: String?) -> String {
        suggestion.map { "; did you mean \"\($0)\"?" }
            ?? "; docs/reference/configuration.md lists all keys"
    }

    private static func describe(_ problem: SettingProblem, expected: String) -> String {
        switch problem {
        case .wrongType(let found): "takes \(expected), not \(found)"
        case .malformed(let text, let reason): "takes \(expected): \"\(text)\" \(reason)"
        case .outOfRange(let text, let lowest, let highest):
            "is \(text), but must be between \(lowest) and \(highest)"
        case .duplicate(let text): "names \"\(text)\" twice; remove one"
        }
    }
}
