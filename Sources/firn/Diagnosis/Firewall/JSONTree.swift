// SPDX-License-Identifier: Apache-2.0
/// Whatever JSON, since a rule may be of any shape.
enum JSONTree: Decodable, Hashable {
    case object([String: JSONTree])
    case list([JSONTree])
    case text(String)
    case number(Int)
    case flag(Bool)
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let object = try? container.decode([String: JSONTree].self) {
            self = .object(object)
        } else if let list = try? container.decode([JSONTree].self) {
            self = .list(list)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = .other
        }
    }

    subscript(_ key: String) -> JSONTree? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Int? { if case .number(let number) = self { number } else { nil } }
    var list: [JSONTree]? { if case .list(let list) = self { list } else { nil } }
    /// The only key of an object, and what it has.
    var single: (key: String, value: JSONTree)? {
        guard case .object(let object) = self, object.count == 1 else { return nil }
        return object.first.map { ($0.key, $0.value) }
    }

    /// As in a rule that people read, as far as that goes.
    var words: String {
        switch self {
        case .text(let text): text
        case .number(let number): "\(number)"
        case .flag(let flag): flag ? "exists" : "missing"
        case .list(let list): list.map(\.words).joined(separator: ", ")
        case .other: "…"
        case .object:
            if let set = self["set"] {
                "{ \(set.words) }"
            } else if let range = self["range"]?.list, range.count == 2 {
                "\(range[0].words)-\(range[1].words)"
            } else if let prefix = self["prefix"] {
                "\(prefix["addr"]?.words ?? "…")/\(prefix["len"]?.words ?? "…")"
            } else {
                "…"
            }
        }
    }
}
