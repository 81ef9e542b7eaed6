// SPDX-License-Identifier: Apache-2.0
import Testing
import firn

@Suite struct ClientPlacesTests {
    @Test func aUsersFileIsWhereNixLooks() throws {
        let plain = try ClientPlaces(.user, environment: ["HOME": "/home/me"])
        #expect(plain.conf == "/home/me/.config/nix/nix.conf")
        #expect(plain.netrc == "/home/me/.config/nix/netrc")
        #expect(
            plain.files == ["/etc/nix/nix.conf", "/etc/xdg/nix/nix.conf", plain.conf]
        )
        let moved = try ClientPlaces(
            .user,
            environment: [
                "HOME": "/home/me", "XDG_CONFIG_HOME": "/c", "XDG_CONFIG_DIRS": "/a:/b",
                "NIX_CONF_DIR": "/n/",
            ]
        )
        #expect(
            moved.files == [
                "/n/nix.conf", "/b/nix/nix.conf", "/a/nix/nix.conf", "/c/nix/nix.conf",
            ]
        )
        #expect(moved.standardNetrc == "/n/netrc")
    }

    @Test func filesThatAreNamedTakeThePlaceOfTheUsers() throws {
        let environment = ["HOME": "/home/me", "NIX_USER_CONF_FILES": "/one.conf:/two.conf"]
        let places = try ClientPlaces(.user, environment: environment)
        #expect(places.conf == "/one.conf")
        #expect(places.files == ["/etc/nix/nix.conf", "/two.conf", "/one.conf"])
    }

    @Test(arguments: [
        [:], ["HOME": ""], ["HOME": "me"], ["HOME": "/me", "NIX_USER_CONF_FILES": ""],
        ["HOME": "/my # home"],
    ])
    func whereNixWouldReadNothingNothingIsWritten(_ environment: [String: String]) {
        #expect(throws: UseError.self) { try ClientPlaces(.user, environment: environment) }
    }

    @Test func theMachinesFileNeedsNoHome() throws {
        let places = try ClientPlaces(.system, environment: [:])
        #expect(places.conf == "/etc/nix/nix.conf")
        #expect(places.netrc == "/etc/nix/netrc")
    }
}
