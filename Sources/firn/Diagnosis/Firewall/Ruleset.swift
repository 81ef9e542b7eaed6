// SPDX-License-Identifier: Apache-2.0

/// The rules of nftables, as far as they decide on new connections from other machines.
///
/// - Source: libnftables-json(5).
package struct Ruleset: Hashable, Sendable {
    /// Where packets for this machine are looked at, by nftables' own name.
    package enum Stage: String, Hashable, Sendable, CaseIterable {
        /// Before it is known that they are for this machine.
        case prerouting
        case input
    }

    /// A chain that such packets begin in.
    package struct Hook: Hashable, Sendable {
        package var chain: ChainName
        package var stage: Stage
        package var priority: Int
        package var drops: Bool
    }

    package struct ChainName: Hashable, Sendable, CustomStringConvertible {
        package var family: String
        package var table: String
        package var name: String

        package var description: String { "\(family) \(table) \(name)" }
    }

    package enum Verdict: Hashable, Sendable {
        case accept
        /// Or reject.
        case drop
        case jump(String)
        case goTo(String)
        case leave
    }

    /// What one condition of a rule says of a new TCP connection from elsewhere.
    package enum Condition: Hashable, Sendable {
        case ports([ClosedRange<UInt16>], isNegated: Bool)
        case holds
        case doesNotHold
        /// It looks at something that is not known here, such as who connects.
        case unclear
    }

    package struct Rule: Hashable, Sendable {
        package var conditions: [Condition]
        package var verdict: Verdict?
        package var text: String

        package init(conditions: [Condition], verdict: Verdict?, text: String) {
            self.conditions = conditions
            self.verdict = verdict
            self.text = text
        }
    }

    package var hooks: [Hook]
    package var rules: [ChainName: [Rule]]

    /// Where a connection ended.
    package struct Place: Hashable, Sendable, CustomStringConvertible {
        package var chain: ChainName
        /// `nil` is the chain's policy.
        package var rule: String?

        package var description: String { "\(rule ?? "the policy") of \(chain)" }
    }

    package enum Fate: Hashable, Sendable {
        case accepted
        case refused(Place)
        /// Some are let in and others not, by a rule that this does not understand.
        case depends(Place)
    }

    /// More than this many rules in each other's chains are a loop, which nftables would refuse.
    private static let deepest = 32

    /// What becomes of a new connection to a port of this machine.
    package func fate(ofTCPTo port: UInt16) -> Fate {
        var doubt: Place?
        let order = Stage.allCases.flatMap { stage in
            hooks.filter { $0.stage == stage }.sorted { $0.priority < $1.priority }
        }
        for hook in order {
            let end = walk(hook.chain, port, depth: 0)
            doubt = doubt ?? end.doubt
            switch end.verdict {
            // Accepted here is not accepted by the next hook.
            case .accept: continue
            case .drop: return refusal(end.place, hook, doubt)
            case .none where hook.drops: return refusal(nil, hook, doubt)
            case .none, .jump, .goTo, .leave: continue
            }
        }
        return doubt.map(Fate.depends) ?? .accepted
    }

    private func refusal(_ place: Place?, _ hook: Hook, _ doubt: Place?) -> Fate {
        if let doubt { return .depends(doubt) }
        return .refused(place ?? Place(chain: hook.chain, rule: nil))
    }

    private struct End {
        /// `accept`, `drop`, or none where the chain has ended.
        var verdict: Verdict?
        var place: Place?
        var doubt: Place?
    }

    private func walk(_ chain: ChainName, _ port: UInt16, depth: Int) -> End {
        var doubt: Place?
        guard depth < Self.deepest else { return End() }
        for rule in rules[chain] ?? [] {
            guard let verdict = rule.verdict else { continue }
            let place = Place(chain: chain, rule: rule.text)
            switch rule.matches(port) {
            case .no: continue
            case .unclear:
                // Who would only leave the chain is decided by what follows, too.
                if verdict != .leave { doubt = doubt ?? place }
                continue
            case .yes: break
            }
            switch verdict {
            case .accept, .drop: return End(verdict: verdict, place: place, doubt: doubt)
            case .leave: return End(doubt: doubt)
            case .jump(let name), .goTo(let name):
                let target = ChainName(family: chain.family, table: chain.table, name: name)
                let end = walk(target, port, depth: depth + 1)
                doubt = doubt ?? end.doubt
                if end.verdict != nil {
                    return End(verdict: end.verdict, place: end.place, doubt: doubt)
                }
                if case .goTo = verdict { return End(doubt: doubt) }
            }
        }
        return End(doubt: doubt)
    }
}

extension Ruleset.Rule {
    fileprivate enum Match { case yes, no, unclear }

    fileprivate func matches(_ port: UInt16) -> Match {
        var match = Match.yes
        for condition in conditions {
            switch condition {
            case .holds: continue
            case .doesNotHold: return .no
            case .unclear: match = .unclear
            case .ports(let ranges, let isNegated):
                guard ranges.contains(where: { $0.contains(port) }) != isNegated else { return .no }
            }
        }
        return match
    }
}
