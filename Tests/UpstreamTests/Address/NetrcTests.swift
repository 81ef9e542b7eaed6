// SPDX-License-Identifier: Apache-2.0
import Testing
import Upstream

@Suite struct NetrcTests {
    private let netrc = Netrc(
        parsing: """
            # machine comment login x password y
            machine Cache.example login me password "a \\"b c"
            machine token.example
              password p:w
            macdef init
              machine evil password evil

            machine cache.example password second
            default login anonymous password none
            """
    )

    @Test func hostsAreFoundAsCurlFindsThem() {
        #expect(netrc.login(for: "cache.EXAMPLE")?.name == "me")
        #expect(netrc.login(for: "cache.example")?.password == "a \"b c")
        #expect(netrc.login(for: "token.example")?.name == "")
        #expect(netrc.login(for: "token.example")?.password == "p:w")
        #expect(netrc.login(for: "evil")?.name == "anonymous")
    }

    @Test func aMachineWithoutANameIsNotTheDefault() {
        #expect(Netrc(parsing: "machine").login(for: "h") == nil)
    }

    @Test func noDescriptionHasAPassword() {
        let token = UpstreamCredentials.token("secret")
        var dumped = ""
        dump([UpstreamCredentials.netrc(netrc), token], to: &dumped)
        for text in ["\(netrc)", "\(token)", "\(UpstreamCredentials.netrc(netrc))", dumped] {
            #expect(!text.contains("p:w") && !text.contains("secret"))
        }
    }

    @Test(arguments: ["", "machine", "login", "machine a password", "\"", "machine \"", "default"])
    func halfAFileIsNoTrouble(_ text: String) {
        #expect(Netrc(parsing: text).login(for: "h")?.password ?? "" == "")
    }
}
