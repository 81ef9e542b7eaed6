// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a token says, before or after anybody has checked that its issuer says so.
struct Claims: Sendable {
    /// A value as far as anything here looks at it.
    enum Value: Sendable, Hashable {
        case text(String)
        case number(Double)
        case texts([String])
        /// `true`, `null`, an object, a list of anything else.
        case other
    }

    let values: [String: Value]

    /// - Returns: `nil` for what is no JSON object.
    init?(json bytes: [UInt8]) {
        guard let values = try? JSONDecoder().decode([String: Value].self, from: Data(bytes)) else {
            return nil
        }
        self.values = values
    }

    func text(_ name: String) -> String? {
        guard case .text(let text)? = values[name] else { return nil }
        return text
    }

    /// RFC 7519 has one text or a list of them.
    var audiences: [String] {
        switch values["aud"] {
        case .text(let text): [text]
        case .texts(let texts): texts
        case .number, .other, nil: []
        }
    }
}

extension Claims.Value: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let texts = try? container.decode([String].self) {
            self = .texts(texts)
        } else {
            self = .other
        }
    }
}
