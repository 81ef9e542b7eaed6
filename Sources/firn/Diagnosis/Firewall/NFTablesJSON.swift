// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// Whatever JSON, since a rule may be of any shape.
enum JSONTree: Decodable, Hashable {
    case object([String: JSONTree])
    case list([JSONTree])
    case text(String)
    case number(Int)
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let object = try? container.decode([String: JSONTree].self) {
            self = .object(object)
        } else if let list = try? container.decode([JSONTree].self) {
            self = .list(list)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
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

extension Ruleset {
    package struct ParseError: Error, Hashable {}

    /// Reads what `nft --json list ruleset` prints.
    package init(parsingJSON data: Data) throws(ParseError) {
        guard let tree = try? JSONDecoder().decode(JSONTree.self, from: data),
            let items = tree["nftables"]?.list
        else { throw ParseError() }
        self.init(hooks: [], rules: [:])
        var sets: [String: [JSONTree]] = [:]
        for case (let place?, "set", let set) in items.map(Self.item) {
            guard let name = set["name"]?.text else { continue }
            sets["\(place.family) \(place.table) @\(name)"] = set["elem"]?.list ?? []
        }
        for case (let place?, let kind, let value) in items.map(Self.item) {
            switch kind {
            case "chain": addHook(of: value, in: place)
            case "rule":
                guard let chain = value["chain"]?.text else { continue }
                let name = ChainName(family: place.family, table: place.table, name: chain)
                let reader = NFTablesRule(
                    expressions: value["expr"]?.list ?? [],
                    set: { sets["\(place.family) \(place.table) \($0)"] }
                )
                rules[name, default: []] += reader.rules
            default: continue
            }
        }
    }

    private static func item(
        _ item: JSONTree
    ) -> (place: (family: String, table: String)?, kind: String, value: JSONTree) {
        guard let (kind, value) = item.single, let family = value["family"]?.text,
            ["inet", "ip", "ip6"].contains(family), let table = value["table"]?.text
        else { return (nil, "", .other) }
        return ((family, table), kind, value)
    }

    private mutating func addHook(of chain: JSONTree, in place: (family: String, table: String)) {
        guard chain["hook"]?.text == "input", chain["type"]?.text == "filter",
            let name = chain["name"]?.text
        else { return }
        hooks.append(
            Hook(
                chain: ChainName(family: place.family, table: place.table, name: name),
                priority: chain["prio"]?.number ?? 0,
                drops: chain["policy"]?.text == "drop"
            )
        )
    }
}

/// One rule of nftables, which becomes several where it maps values to verdicts.
struct NFTablesRule {
    let expressions: [JSONTree]
    /// The elements of a set, by its name with the `@`.
    let set: (String) -> [JSONTree]?

    var rules: [Ruleset.Rule] {
        var conditions: [Ruleset.Condition] = []
        var words: [String] = []
        for expression in expressions {
            guard let (kind, value) = expression.single else { continue }
            switch kind {
            case "match":
                conditions.append(condition(value))
                words.append(Self.words(value))
            case "vmap": return mapped(value, conditions, words)
            // They look at the packet, and let it go on.
            case "counter", "log", "meta", "mangle", "ct", "notrack": continue
            case "limit", "quota", "connlimit", "ct count", "xt": conditions.append(.unclear)
            default:
                guard let verdict = Self.verdict(kind, value) else {
                    conditions.append(.unclear)
                    continue
                }
                return [rule(conditions, words, verdict, kind)]
            }
        }
        return []
    }

    private func rule(
        _ conditions: [Ruleset.Condition],
        _ words: [String],
        _ verdict: Ruleset.Verdict,
        _ kind: String
    ) -> Ruleset.Rule {
        var target = ""
        if case .jump(let name) = verdict { target = " \(name)" }
        if case .goTo(let name) = verdict { target = " \(name)" }
        return Ruleset.Rule(
            conditions: conditions,
            verdict: verdict,
            text: "\"\((words + ["\(kind)\(target)"]).joined(separator: " "))\""
        )
    }

    private static func verdict(_ kind: String, _ value: JSONTree) -> Ruleset.Verdict? {
        switch kind {
        case "accept": .accept
        case "drop", "reject": .drop
        case "return": .leave
        case "jump": value["target"]?.text.map { .jump($0) }
        case "goto": value["target"]?.text.map { .goTo($0) }
        default: nil
        }
    }

    private func mapped(
        _ map: JSONTree,
        _ conditions: [Ruleset.Condition],
        _ words: [String]
    ) -> [Ruleset.Rule] {
        let left = map["key"] ?? .other
        let pairs = map["data"]?["set"]?.list ?? []
        return pairs.compactMap { pair in
            guard let pair = pair.list, pair.count == 2, let (kind, value) = pair[1].single,
                let verdict = Self.verdict(kind, value)
            else { return nil }
            let match = JSONTree.object(["op": .text("=="), "left": left, "right": pair[0]])
            return rule(conditions + [condition(match)], words + [Self.words(match)], verdict, kind)
        }
    }

    private func condition(_ match: JSONTree) -> Ruleset.Condition {
        let isNegated = match["op"]?.text == "!="
        guard let left = match["left"], let right = match["right"] else { return .unclear }
        if let payload = left["payload"] {
            switch (payload["protocol"]?.text, payload["field"]?.text) {
            case ("tcp", "dport"), ("th", "dport"):
                guard let ranges = ranges(right) else { return .unclear }
                return .ports(ranges, isNegated: isNegated)
            case ("udp", _), ("icmp", _), ("icmpv6", _), ("sctp", _), ("dccp", _):
                return .doesNotHold
            case ("ip", "protocol"), ("ip6", "nexthdr"): return holds("tcp", right, isNegated)
            // A new connection begins with a packet that has the flag.
            case ("tcp", "flags"): return .holds
            default: return .unclear
            }
        }
        if let meta = left["meta"]?["key"]?.text {
            switch meta {
            case "l4proto": return holds("tcp", right, isNegated)
            case "iif", "iifname":
                // From elsewhere: not over loopback. Which of the others, nobody can say.
                guard let names = texts(right) else { return .unclear }
                return names == ["lo"] ? (isNegated ? .holds : .doesNotHold) : .unclear
            default: return .unclear
            }
        }
        if left["ct"]?["key"]?.text == "state" { return holds("new", right, isNegated) }
        return .unclear
    }

    private func holds(
        _ word: String,
        _ right: JSONTree,
        _ isNegated: Bool
    ) -> Ruleset.Condition {
        guard let words = texts(right) else { return .unclear }
        return words.contains(word) != isNegated ? .holds : .doesNotHold
    }

    private func elements(_ right: JSONTree) -> [JSONTree]? {
        if let name = right.text, name.hasPrefix("@") { return set(name) }
        return right["set"]?.list ?? right.list ?? [right]
    }

    private func texts(_ right: JSONTree) -> [String]? {
        guard let all = elements(right) else { return nil }
        let texts = all.compactMap(\.text)
        return texts.count == all.count ? texts : nil
    }

    private func ranges(_ right: JSONTree) -> [ClosedRange<UInt16>]? {
        guard let all = elements(right) else { return nil }
        var ranges: [ClosedRange<UInt16>] = []
        for element in all {
            let ends = element["range"]?.list ?? [element, element]
            guard ends.count == 2, let first = ends[0].number.flatMap({ UInt16(exactly: $0) }),
                let last = ends[1].number.flatMap({ UInt16(exactly: $0) }), first <= last
            else { return nil }
            ranges.append(first...last)
        }
        return ranges
    }

    private static func words(_ match: JSONTree) -> String {
        let left = match["left"] ?? .other
        var name = "…"
        if let payload = left["payload"] {
            name = "\(payload["protocol"]?.words ?? "") \(payload["field"]?.words ?? "…")"
        } else if let key = left["meta"]?["key"]?.text {
            name = key
        } else if let key = left["ct"]?["key"]?.text {
            name = "ct \(key)"
        }
        let operation = match["op"]?.text == "!=" ? " !=" : ""
        return "\(name)\(operation) \(match["right"]?.words ?? "…")"
    }
}
