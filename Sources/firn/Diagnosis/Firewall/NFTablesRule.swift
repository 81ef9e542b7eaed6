// SPDX-License-Identifier: Apache-2.0
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
            case "vmap":
                guard let mapped = mapped(value, conditions, words) else {
                    return [rule(conditions + [.unclear], words + ["vmap"], .drop, "…")]
                }
                return mapped
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

    /// - Returns: `nil` for a map whose elements are not to be seen.
    private func mapped(
        _ map: JSONTree,
        _ conditions: [Ruleset.Condition],
        _ words: [String]
    ) -> [Ruleset.Rule]? {
        let left = map["key"] ?? .other
        let pairs = map["data"].flatMap { data in
            data.text.map { set($0) } ?? data["set"]?.list
        }
        return pairs?.compactMap { pair in
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
            case (let name, _) where Self.isOther(name): return .doesNotHold
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
        if let fields = left["concat"]?.list {
            let isOther = fields.contains { Self.isOther($0["payload"]?["protocol"]?.text) }
            return isOther ? .doesNotHold : .unclear
        }
        // Who has a way back here comes from where packets to them go: what is no forgery.
        if let fib = left["fib"], fib["flags"]?.list?.contains(.text("saddr")) == true,
            case .flag(let exists) = right
        {
            return exists != isNegated ? .holds : .doesNotHold
        }
        return .unclear
    }

    /// Whether it is of packets that are not TCP.
    private static func isOther(_ name: String?) -> Bool {
        ["udp", "icmp", "icmpv6", "sctp", "dccp"].contains(name)
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
