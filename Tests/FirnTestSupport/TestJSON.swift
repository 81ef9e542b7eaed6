// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A value of JSON, as a test writes it.
package enum TestJSON: Sendable, Encodable {
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case list([TestJSON])
    case object([String: TestJSON])

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .flag(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let values): try container.encode(values)
        }
    }

    package var encoded: [UInt8] {
        get throws { Array(try JSONEncoder().encode(self)) }
    }
}

extension TestJSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByStringInterpolation
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
    package init(arrayLiteral elements: TestJSON...) { self = .list(elements) }
}
