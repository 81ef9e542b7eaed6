// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct ConfigurationFileTests {
    @Test func everyKeyOfTheTableIsRead() throws {
        let file = try ConfigurationFile(
            parsing: """
                [server]
                listen = ["127.0.0.1:80"]
                tls = { certificate = "c", key = "k" }
                [depot]
                max-size = "1GB"
                """,
            path: "/x/firn.toml"
        )
        let keys = Set(file.entries.map(\.setting))
        #expect(
            keys == [
                "server.listen", "server.tls.certificate", "server.tls.key", "depot.max-size",
            ]
        )
        #expect(file.entries.contains { $0.origin.description == "/x/firn.toml:5" })
    }

    @Test(arguments: [
        (
            "[server]\nlisen = []",
            "f:2: unknown key \"server.lisen\"; did you mean \"server.listen\"?"
        ),
        ("\n\n[sever]\n", "f:3: unknown key \"sever\"; did you mean \"server\"?"),
        (
            "[store]\nroot = '/'\nkeys = []",
            "f:3: unknown key \"store.keys\"; did you mean \"signing.keys\"?"
        ),
        (
            "tomatoes = 1",
            "f:1: unknown key \"tomatoes\"; docs/reference/configuration.md lists all keys"
        ),
        ("server = 5", "f:1: \"server\" is a section, not an integer; write [server]"),
        ("[[server]]\n", "f:1: \"server\" is a section, not an array; write [server]"),
        (
            "[hosts.samsung]\nadresses = []",
            "f:2: unknown key \"hosts.samsung.adresses\"; did you mean \"hosts.samsung.addresses\"?"
        ),
        (
            "[hosts.samsung]\nhealth = { unit = [] }",
            "f:2: unknown key \"hosts.samsung.health.unit\"; did you mean"
                + " \"hosts.samsung.health.units\"?"
        ),
        (
            "[hosts]\nsamsung = 1",
            "f:2: \"hosts.samsung\" is a section, not an integer; write"
                + " [hosts.samsung]"
        ),
    ])
    func aKeyThatDoesNotExistIsRefusedWithItsLine(_ text: String, _ message: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile(parsing: text, path: "f")
        }
        #expect(error?.description == message)
    }

    @Test func theFirstMistakeOfThePageIsTheOneThatIsTold() {
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile(parsing: "zz = 1\nyy = 2\n[xx]\n", path: "f")
        }
        #expect(error?.description.hasPrefix("f:1:") == true)
    }

    @Test(arguments: [
        ("[server]\npriority = 1\npriority = 2\n", 3),
        ("[server]\n\n[server]\n", 3),
        ("a = \n", 1),
        ("x = 'unclosed\n", 1),
    ])
    func whatIsNotTOMLIsRefusedWithItsLine(_ text: String, _ line: Int) {
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile(parsing: text, path: "f")
        }
        guard case .syntax(_, let told, _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(told == line)
    }
}
