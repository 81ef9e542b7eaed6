// SPDX-License-Identifier: Apache-2.0
import Foundation

/// JSON that can be compared without minding white space and the order of keys.
struct JSONText {
    private let value: Any

    init(_ bytes: [UInt8]) throws {
        value = try JSONSerialization.jsonObject(
            with: Data(bytes),
            options: .fragmentsAllowed
        )
    }

    /// In one line, with sorted keys.
    var canonical: String { get throws { try Self.write(value) } }

    /// The same without `narOffset`, which is in the listings of caches only.
    var withoutOffsets: String { get throws { try Self.write(Self.strip(value)) } }

    private static func write(_ value: Any) throws -> String {
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .fragmentsAllowed]
        let data = try JSONSerialization.data(withJSONObject: value, options: options)
        return String(decoding: data, as: UTF8.self)
    }

    private static func strip(_ value: Any) -> Any {
        guard let object = value as? [String: Any] else { return value }
        return object.filter { $0.key != "narOffset" }.mapValues(strip)
    }
}
