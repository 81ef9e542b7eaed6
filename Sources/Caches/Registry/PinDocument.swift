// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The pins of a cache as they are kept.
///
/// - Shape: A JSON array of pins by name, and a line end.
package enum PinDocument {
    package static func write(_ pins: [Pin]) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(pins.sorted { $0.name < $1.name }))
                + [UInt8(ascii: "\n")]
        } catch {
            preconditionFailure("texts and numbers can be written as JSON: \(error)")
        }
    }

    /// - Throws: When it is no such document.
    package static func parse(_ text: [UInt8]) throws -> [Pin] {
        try JSONDecoder().decode([Pin].self, from: Data(text))
    }
}
