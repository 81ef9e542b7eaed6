// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct NearestNameTests {
    @Test(arguments: [
        ("", "", 0), ("abc", "", 3), ("listen", "listen", 0), ("listen", "lisen", 1),
        ("listen", "litsen", 1), ("max-size", "max_size", 1), ("kitten", "sitting", 3),
    ])
    func editsAreCounted(_ left: String, _ right: String, _ edits: Int) {
        #expect(NearestName.edits(from: Array(left), to: Array(right)) == edits)
        #expect(NearestName.edits(from: Array(right), to: Array(left)) == edits)
    }

    @Test(arguments: [
        ("server.lisen", "server.listen"),
        ("server.Listen", "server.listen"),
        ("depot.max_size", "depot.max-size"),
        ("sever", "server"),
        ("server.keys", "signing.keys"),
        ("max-size", "depot.max-size"),
        ("bind", "server.listen"),
        ("sign_key_paths", "signing.keys"),
    ])
    func aMisspeltKeyHasASuggestion(_ written: String, _ suggestion: String) {
        #expect(NearestName.key(for: written) == suggestion)
    }

    @Test func aKeyLikeNoOtherHasNone() {
        #expect(NearestName.key(for: "garden.tomatoes") == nil)
    }
}
