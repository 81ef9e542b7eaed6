// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import firn

/// What rules of nftables do with a new connection from elsewhere.
@Suite struct RulesetTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// The `expr` of each rule of the chain, as nft prints it.
        var rules: [String]
        var drops = false
        var fate: String
    }

    private static let accept = #"{"accept":null}"#
    private static let drop = #"{"drop":null}"#

    private static func port(_ right: String, _ op: String = "==") -> String {
        #"{"match":{"op":"\#(op)","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":\#(right)}}"#
    }

    private static func meta(_ key: String, _ right: String) -> String {
        #"{"match":{"op":"==","left":{"meta":{"key":"\#(key)"}},"right":\#(right)}}"#
    }

    private static let source =
        #"{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":{"prefix":{"addr":"10.0.0.0","len":8}}}}"#
    private static let state =
        #"{"vmap":{"key":{"ct":{"key":"state"}},"data":{"set":[["invalid",{"drop":null}],["established",{"accept":null}],["new",{"jump":{"target":"other"}}]]}}}"#

    static let cases = [
        Case(testDescription: "no rule", rules: [], fate: "accepted"),
        Case(testDescription: "the policy", rules: [], drops: true, fate: "refused the policy"),
        Case(
            testDescription: "one port is dropped",
            rules: ["\(port("5000")),\(drop)"],
            fate: "refused \"tcp dport 5000 drop\""
        ),
        Case(
            testDescription: "another port is dropped",
            rules: ["\(port("5001")),\(drop)"],
            fate: "accepted"
        ),
        Case(
            testDescription: "rejecting is refusing",
            rules: [port("5000") + #",{"reject":{"type":"tcp reset"}}"#],
            fate: "refused \"tcp dport 5000 reject\""
        ),
        Case(
            testDescription: "all but one",
            rules: ["\(port("22", "!=")),\(drop)"],
            fate: "refused \"tcp dport != 22 drop\""
        ),
        Case(
            testDescription: "a set and a range before the policy",
            rules: [#"\#(port(#"{"set":[22,{"range":[4000,6000]}]}"#)),\#(accept)"#],
            drops: true,
            fate: "accepted"
        ),
        Case(
            testDescription: "a named set",
            rules: ["\(port("\"@blocked\"")),\(drop)"],
            fate: "refused \"tcp dport @blocked drop\""
        ),
        Case(
            testDescription: "loopback is not from elsewhere",
            rules: ["\(meta("iifname", "\"lo\"")),\(accept)"],
            drops: true,
            fate: "refused the policy"
        ),
        Case(
            testDescription: "another protocol",
            rules: ["\(meta("l4proto", "\"udp\"")),\(drop)"],
            fate: "accepted"
        ),
        Case(
            testDescription: "one protocol of several",
            rules: [#"\#(meta("l4proto", #"{"set":["tcp","udp"]}"#)),\#(drop)"#],
            fate: "refused \"l4proto { tcp, udp } drop\""
        ),
        Case(
            testDescription: "some sources before the policy",
            rules: ["\(source),\(port("5000")),\(accept)"],
            drops: true,
            fate: "depends \"ip saddr 10.0.0.0/8 tcp dport 5000 accept\""
        ),
        Case(
            testDescription: "some sources, and a port that is not ours",
            rules: ["\(source),\(port("22")),\(accept)"],
            drops: true,
            fate: "refused the policy"
        ),
        Case(
            testDescription: "states mapped to verdicts, into a chain that accepts",
            rules: [state],
            drops: true,
            fate: "accepted"
        ),
        Case(
            testDescription: "counted and logged on the way",
            rules: [
                #"{"counter":{"packets":0,"bytes":0}},{"log":{"prefix":"x"}},\#(port("5000")),\#(drop)"#
            ],
            fate: "refused \"tcp dport 5000 drop\""
        ),
        Case(
            testDescription: "a map with a name of its own that drops the port",
            rules: [byName("verdicts")],
            fate: "refused \"tcp dport 5000 drop\""
        ),
        Case(
            testDescription: "a map that is not there",
            rules: [byName("gone")],
            fate: "depends \"vmap …\""
        ),
        Case(
            testDescription: "who has a way back, as NixOS asks before the rest",
            rules: [
                #"\#(sports),\#(accept)"#, #"\#(wayBack("false")),\#(drop)"#,
                #"\#(wayBack("true")),\#(accept)"#,
            ],
            drops: true,
            fate: "accepted"
        ),
    ]

    private static func byName(_ map: String) -> String {
        #"{"vmap":{"key":{"payload":{"protocol":"tcp","field":"dport"}},"data":"@\#(map)"}}"#
    }

    private static func wayBack(_ exists: String) -> String {
        #"{"match":{"op":"==","left":{"fib":{"result":"oif","flags":["saddr","mark","iif"]}},"right":\#(exists)}}"#
    }

    private static let sports =
        #"{"match":{"op":"==","left":{"concat":[{"payload":{"protocol":"udp","field":"sport"}},{"payload":{"protocol":"udp","field":"dport"}}]},"right":{"set":[{"concat":[68,67]}]}}}"#

    @Test(arguments: cases)
    func decides(_ test: Case) throws {
        let place = #""family":"inet","table":"t""#
        var items = [
            #"{"metainfo":{"json_schema_version":1}}"#,
            #"{"set":{\#(place),"name":"blocked","type":"inet_service","elem":[80,{"range":[4000,5000]}]}}"#,
            #"{"map":{\#(place),"name":"verdicts","type":"inet_service","map":"verdict","elem":[[22,{"accept":null}],[5000,{"drop":null}]]}}"#,
            #"{"chain":{\#(place),"name":"input","type":"filter","hook":"input","prio":0,"policy":"\#(test.drops ? "drop" : "accept")"}}"#,
            #"{"chain":{\#(place),"name":"other"}}"#,
            #"{"rule":{\#(place),"chain":"other","expr":[\#(Self.port("5000")),\#(Self.accept)]}}"#,
        ]
        items += test.rules.map { #"{"rule":{\#(place),"chain":"input","expr":[\#($0)]}}"# }
        let json = #"{"nftables":[\#(items.joined(separator: ","))]}"#
        let ruleset = try Ruleset(parsingJSON: Data(json.utf8))
        let fate: String
        switch ruleset.fate(ofTCPTo: 5_000) {
        case .accepted: fate = "accepted"
        case .refused(let place): fate = "refused \(place)"
        case .depends(let place): fate = "depends \(place)"
        }
        #expect(fate.hasPrefix(test.fate), "\(fate)")
    }

    @Test func whatIsDroppedBeforeItsWayIsKnownDoesNotArrive() throws {
        let place = #""family":"inet","table":"t""#
        let json = #"""
            {"nftables":[
            {"chain":{\#(place),"name":"input","type":"filter","hook":"input","prio":-500,"policy":"accept"}},
            {"chain":{\#(place),"name":"raw","type":"filter","hook":"prerouting","prio":-300,"policy":"accept"}},
            {"rule":{\#(place),"chain":"input","expr":[\#(Self.port("5000")),\#(Self.drop)]}},
            {"rule":{\#(place),"chain":"raw","expr":[\#(Self.port("5000")),\#(Self.drop)]}}]}
            """#
        guard
            case .refused(let place) = try Ruleset(parsingJSON: Data(json.utf8))
                .fate(ofTCPTo: 5_000)
        else {
            Issue.record("not refused")
            return
        }
        #expect(place.chain.name == "raw")
    }

    @Test func whatIsNoRulesetIsRefused() {
        for text in ["", "[]", "{\"nftables\":1}", "not JSON"] {
            #expect(throws: Ruleset.ParseError.self) {
                try Ruleset(parsingJSON: Data(text.utf8))
            }
        }
    }
}
