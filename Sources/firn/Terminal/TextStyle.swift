// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Colour where a person looks, and plain text everywhere else.
package enum TextStyle: Sendable {
    case plain
    case coloured

    package enum Colour: Int, Sendable {
        case red = 31
        case green = 32
        case yellow = 33
        case grey = 90
        case bold = 1
    }

    /// What standard output takes.
    ///
    /// - Source: no-color.org, for `NO_COLOR`.
    static func ofStandardOutput(_ environment: [String: String]) -> TextStyle {
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        let isUnwanted = environment["NO_COLOR"]?.isEmpty == false
        return isTerminal && !isUnwanted ? .coloured : .plain
    }

    package func apply(_ colour: Colour, to text: String) -> String {
        switch self {
        case .plain: text
        case .coloured: "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
        }
    }
}
