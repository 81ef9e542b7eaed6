// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How bodies are written and read.
///
/// - Shape: One line of JSON, keys in kebab-case and sorted. Readers ignore keys that they do not
///   know; an optional value that is absent has no key.
package enum FirnJSON {
    /// Why bytes are not the body that was expected.
    package struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        /// Where in the body, as `tiers.0.name`; empty for the whole of it.
        package let place: String
        package let reason: String

        package var description: String { place.isEmpty ? reason : "\(place): \(reason)" }
    }

    /// The body's bytes, without a line end.
    package static func write(_ body: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(body))
    }

    package static func parse<Body: Decodable>(
        _ bytes: some Sequence<UInt8>,
        as body: Body.Type
    ) throws(ParseError) -> Body {
        do {
            return try JSONDecoder().decode(body, from: Data(bytes))
        } catch let error as DecodingError {
            throw ParseError(error)
        } catch {
            throw ParseError(place: "", reason: "\(error)")
        }
    }
}

extension FirnJSON.ParseError {
    fileprivate init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context):
            self.init(context.codingPath, "has no \"\(key.stringValue)\"")
        case .valueNotFound(_, let context):
            self.init(context.codingPath, "is null")
        case .typeMismatch(_, let context):
            self.init(context.codingPath, "is of another type")
        case .dataCorrupted(let context):
            self.init(
                context.codingPath,
                context.codingPath.isEmpty ? "not JSON" : context.debugDescription
            )
        @unknown default:
            self.init(place: "", reason: "cannot be read")
        }
    }

    private init(_ path: [any CodingKey], _ reason: String) {
        let place = path.map { $0.intValue.map(String.init) ?? $0.stringValue }
        self.init(place: place.joined(separator: "."), reason: reason)
    }
}
