// SPDX-License-Identifier: Apache-2.0
import Fleet
import Testing

@Suite struct HostSelectionTests {
    private static func roster() throws -> FleetRoster {
        let hosts = try ["p620", "samsung", "p510"].map { name in
            var host = Host(
                name: try HostName(parsing: name),
                addresses: [try HostAddress(parsing: name)],
                source: .flake(reference: ".", attribute: name)
            )
            if name.hasPrefix("s") { host.tags = [try HostTag(parsing: "laptop")] }
            return host
        }
        return FleetRoster(hosts: hosts, settings: FleetSettings(), tiers: [])
    }

    @Test(arguments: [
        (["samsung"], ["samsung"]), (["p*"], ["p620", "p510"]), (["@laptop"], ["samsung"]),
        (["p510", "p*"], ["p620", "p510"]), (["?620"], ["p620"]),
        (["*"], ["p620", "samsung", "p510"]),
    ])
    func wordsChooseEachHostOnceInTheOrderOfTheFile(_ words: [String], _ names: [String]) throws {
        let chosen = try HostSelection(words: words, isAll: false).choose(from: Self.roster())
        #expect(chosen.map { "\($0.name)" } == names)
    }

    @Test func whatChoosesNothingIsAnError() throws {
        let roster = try Self.roster()
        func fails(_ word: String) -> HostSelection.Failure? {
            do throws(HostSelection.Failure) {
                _ = try HostSelection(words: [word], isAll: false).choose(from: roster)
                return nil
            } catch {
                return error
            }
        }
        let known = ["p620", "samsung", "p510"]
        #expect(fails("razer") == .unknownHost("razer", known: known, tags: ["laptop"]))
        #expect(fails("../x") == .badName("../x", .badFirst(".")))
        #expect(fails("@desk") == .unknownTag("@desk", known: ["@laptop"]))
        #expect(fails("x*") == .emptyPattern("x*"))
    }

    @Test(arguments: [
        ("p620", "p*0", true), ("p620", "p*1", false), ("aab", "*ab", true), ("", "*", true),
        ("ab", "a", false), ("abab", "a*b", true),
    ])
    func patternsMatchAsInAShell(_ text: String, _ pattern: String, _ matches: Bool) {
        #expect(HostSelection.matches(text, pattern) == matches)
    }
}
