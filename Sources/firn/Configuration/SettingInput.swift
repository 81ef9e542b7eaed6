// SPDX-License-Identifier: Apache-2.0

/// A value as it was written, before anything is known about what the setting wants.
package enum SettingInput: Hashable, Sendable {
    case text(String)
    case integer(Int)
    case flag(Bool)
    case list([SettingInput])
    case table([String: SettingInput])
    /// Something no setting takes, by the name of its type.
    case other(typeName: String)

    /// What to call it in an error.
    var typeName: String {
        switch self {
        case .text: "a string"
        case .integer: "an integer"
        case .flag: "a boolean"
        case .list: "an array"
        case .table: "a table"
        case .other(let typeName): typeName
        }
    }
}

/// Who wrote a value, and where a person finds it.
package enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    case file(path: String, line: Int?)
    case variable(String)
    case flag(String)

    package var description: String {
        switch self {
        case .file(let path, let line): line.map { "\(path):\($0)" } ?? path
        case .variable(let name): "$\(name)"
        case .flag(let name): name
        }
    }
}

/// Why a value is not taken; ``ConfigurationError`` adds the setting and the place.
package enum SettingProblem: Error, Hashable, Sendable {
    case wrongType(found: String)
    /// `reason` continues the sentence `"VALUE" …`.
    case malformed(String, reason: String)
    case outOfRange(String, lowest: String, highest: String)
    case duplicate(String)
}
