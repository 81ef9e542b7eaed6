// SPDX-License-Identifier: Apache-2.0
package import Foundation

extension Ruleset {
    package struct ParseError: Error, Hashable {}

    /// Reads what `nft --json list ruleset` prints.
    package init(parsingJSON data: Data) throws(ParseError) {
        guard let tree = try? JSONDecoder().decode(JSONTree.self, from: data),
            let items = tree["nftables"]?.list
        else { throw ParseError() }
        self.init(hooks: [], rules: [:])
        var sets: [String: [JSONTree]] = [:]
        for case (let place?, let kind, let set) in items.map(Self.item) {
            guard kind == "set" || kind == "map", let name = set["name"]?.text else { continue }
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
        guard let stage = chain["hook"]?.text.flatMap({ Stage(rawValue: $0) }),
            chain["type"]?.text == "filter", let name = chain["name"]?.text
        else { return }
        hooks.append(
            Hook(
                chain: ChainName(family: place.family, table: place.table, name: name),
                stage: stage,
                priority: chain["prio"]?.number ?? 0,
                drops: chain["policy"]?.text == "drop"
            )
        )
    }
}
