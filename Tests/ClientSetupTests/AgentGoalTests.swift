// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Testing

@Suite struct AgentGoalTests {
    @Test(arguments: [
        ("nix (Nix) 2.8.0", "2.8"), ("nix (Nix) 2.34.8", "2.34"),
        ("nix (Lix, like Nix) 2.93.3", "2.93"),
        ("nix (Nix) 2.36pre20260822_88b09c64", "2.36"),
    ])
    func theVersionIsReadFromWhatNixPrints(_ text: String, _ version: String) {
        #expect(NixVersion(parsing: text).map { "\($0)" } == version)
    }

    @Test(arguments: ["", "nix", "nix (Nix) 2", "2."])
    func noVersionIsNone(_ text: String) {
        #expect(NixVersion(parsing: text) == nil)
    }

    @Test func onlyWhatTheInstalledNixKnowsIsSet() {
        let goal = ClientGoal.agent(
            url: "http://127.0.0.1:5000",
            publicKeys: ["a:b"],
            version: NixVersion(major: 2, minor: 8),
            isUsers: true,
            isKnown: { $0 != "http-connections" }
        )
        #expect(goal.url == "http://127.0.0.1:5000")
        let names = goal.settings.map(\.name)
        #expect(
            names == ["narinfo-cache-negative-ttl", "stalled-download-timeout", "substitute"]
        )
    }

    @Test func aNewNixTriesTheDaemonTwiceOnly() {
        let goal = ClientGoal.agent(
            url: "http://127.0.0.1:5000",
            publicKeys: [],
            version: NixVersion(major: 2, minor: 35),
            isUsers: false,
            isKnown: { _ in true }
        )
        #expect(goal.url == "http://127.0.0.1:5000?retry-attempts=2")
        #expect(!goal.settings.contains { $0.name == "substitute" })
    }
}
