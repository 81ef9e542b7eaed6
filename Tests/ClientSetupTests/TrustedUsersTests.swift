// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Testing

@Suite struct TrustedUsersTests {
    @Test(arguments: [
        (["root"], false), (["me"], true), (["@wheel"], true), (["@users", "you"], false),
        (["*"], true), ([], false), (["@me"], false),
    ])
    func namesGroupsAndEverybody(_ setting: [String], _ isTrusted: Bool) {
        #expect(TrustedUsers.includes("me", groups: ["wheel"], in: setting) == isTrusted)
    }
}
