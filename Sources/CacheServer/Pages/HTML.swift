// SPDX-License-Identifier: Apache-2.0

/// Markup in which everything that is put in is escaped.
///
/// Written as a literal with interpolations: the literal is markup, what is interpolated is text,
/// unless it is markup already. So forgetting to escape is a type error rather than a hole.
package struct HTML: ExpressibleByStringInterpolation, Sendable {
    package private(set) var markup: String

    package init(stringLiteral value: String) {
        markup = value
    }

    package init(stringInterpolation: StringInterpolation) {
        markup = stringInterpolation.markup
    }

    package var bytes: [UInt8] { Array(markup.utf8) }

    package static func += (left: inout HTML, right: HTML) {
        left.markup += right.markup
    }

    package struct StringInterpolation: StringInterpolationProtocol, Sendable {
        fileprivate var markup = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            markup.reserveCapacity(literalCapacity + 16 * interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) {
            markup += literal
        }

        package mutating func appendInterpolation(_ text: String) {
            for character in text.unicodeScalars {
                switch character {
                case "&": markup += "&amp;"
                case "<": markup += "&lt;"
                case ">": markup += "&gt;"
                case "\"": markup += "&quot;"
                case "'": markup += "&#39;"
                case "\n": markup += "\n"
                case "\u{0}"..<"\u{20}", "\u{7F}": markup += "\u{FFFD}"
                default: markup.unicodeScalars.append(character)
                }
            }
        }

        package mutating func appendInterpolation(_ number: some BinaryInteger) {
            markup += "\(number)"
        }

        package mutating func appendInterpolation(_ html: HTML) {
            markup += html.markup
        }
    }
}
