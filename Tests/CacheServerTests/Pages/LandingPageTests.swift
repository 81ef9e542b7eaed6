// SPDX-License-Identifier: Apache-2.0
import CacheServer
import Testing

@Suite struct LandingPageTests {
    private func markup(origin: String, keys: [String] = ["k:AAAA", "l:BBBB"]) -> String {
        LandingPage(
            origin: origin,
            storeDirectory: "/nix/store",
            publicKeys: keys,
            priority: 30
        ).html.markup
    }

    @Test func itGivesWhatToPaste() {
        let text = markup(origin: "http://p620:5000")
        #expect(text.contains("extra-substituters = http://p620:5000\n"))
        #expect(text.contains("extra-trusted-public-keys = k:AAAA l:BBBB</code></pre>"))
        #expect(text.contains("substituters = [ &quot;http://p620:5000&quot; ];"))
        #expect(
            text.contains(
                "nix --extra-experimental-features nix-command copy --from http://p620:5000 "
            )
        )
    }

    @Test func itNeedsNoScriptAndNothingFromElsewhere() {
        let text = markup(origin: "http://p620:5000")
        #expect(!text.contains("<script"))
        #expect(!text.contains("src="))
        #expect(!text.contains("href=\"http"))
    }

    @Test func withoutKeysItOffersNone() {
        let text = markup(origin: "http://p620:5000", keys: [])
        #expect(!text.contains("trusted-public-keys ="))
    }

    @Test func theOriginIsTheHostOfTheRequest() {
        #expect(
            LandingPage.origin(RequestFacts(host: "a.lan:5000", isSecure: true))
                == "https://a.lan:5000"
        )
        #expect(LandingPage.origin(RequestFacts(host: "[::1]:5000")) == "http://[::1]:5000")
    }

    @Test(arguments: [nil, "", "x\" onmouseover=\"alert(1)", "<script>alert(1)</script>", "a/b"])
    func aHostileHostIsNotShown(_ host: String?) {
        let origin = LandingPage.origin(RequestFacts(host: host))
        #expect(origin == "http://ADDRESS-OF-THIS-CACHE")
    }

    @Test func everythingIsEscaped() {
        let text = LandingPage(
            origin: "http://<o>",
            storeDirectory: "/<d>",
            publicKeys: ["<k>"],
            priority: 1
        ).html.markup
        for hostile in ["<o>", "<d>", "<k>"] { #expect(!text.contains(hostile)) }
    }
}
