// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import NixFormat
import Testing

/// What the deployer's side makes of words, its own and those of others.
@Suite struct DeployerWordsTests {
    @Test(arguments: ["plain", "", "two words", "it's", "$(id)", "a\nb", "-n", "'\\''", "ü*?"])
    func aShellReadsTheSameWordBack(_ word: String) async throws {
        let line = ShellWords.join(["printf", "%s", word])
        let outcome = try await Command("sh", ["-c", line]).run(deadline: .seconds(30))
        #expect(outcome.output == Array(word.utf8))
    }

    @Test(arguments: ["samsung.lan", "10.0.0.1:2222", "fe80::1%eth0", "[fe80::1]:22"])
    func anAddressIsWrittenAsItWasRead(_ text: String) throws {
        #expect(try HostAddress(parsing: text).description == text)
    }

    @Test(arguments: ["", "-oProxyCommand=x", "a b", "a:0", "a:70000", "user@host", "[::1]x"])
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(throws: HostAddress.ParseError.self) { try HostAddress(parsing: text) }
    }

    @Test func lineageIsReadAsItWasWrittenAndOtherWordsArePassedOver() {
        var lineage = Lineage()
        lineage.revision = String(repeating: "ab", count: 20)
        lineage.isDirty = true
        lineage.lockSeconds = 5
        #expect(Lineage(parsing: "\(lineage) later=1") == lineage)
        #expect(Lineage(parsing: "git=--output=x").revision == nil)
    }

    @Test(arguments: [
        ("error: oh no\n\n       at /x.nix:1:1:\n", "oh no"),
        (
            "error:\n       … while calling\n         at /a\n\n       error: attribute 'x' missing\n",
            "attribute 'x' missing"
        ),
        ("warning: a\nerror: no flake\n       Did you mean b?\n", "no flake Did you mean b?"),
        ("error: cannot add path 'x'\nerror: unexpected end-of-file\n", "cannot add path 'x'"),
        ("error: unexpected end-of-file\n", "unexpected end-of-file"),
        ("", "Nix says nothing"),
    ])
    func ofAnErrorOfNixThePartThatMattersStays(_ said: String, _ text: String) {
        #expect(NixErrorText(Array(said.utf8)).text == text)
    }

    @Test(arguments: [
        ("error: oh no\n\n       at /x.nix:1:2:\n\n       … while at /y.nix:3:4:\n", "/x.nix:1:2"),
        (
            "error:\n  … while\n   at /a.nix:1:1:\n  … calling\n   at /b.nix:2:2:\n  error: no\n",
            "/b.nix:2:2"
        ),
        (
            "error: no\r\n at /nix/store/0123456789abcdfghijklmnpqrsvwxyz-source/hosts/a.nix:7:3:\r\n",
            "hosts/a.nix:7:3"
        ),
        ("error: no\n at «string»:1:1:\n", nil),
    ])
    func theNearestPlaceOfAnErrorIsTold(_ said: String, _ place: String?) {
        #expect(NixErrorText(Array(said.utf8)).place == place)
    }

    /// Several that use a new store for the first time at once, as Nix 2.8 says it.
    @Test func onlyTheRaceForANewStoreIsLost() {
        let said =
            "error: creating symlink from '/nix/var/nix/gcroots/profiles.tmp-1' to"
            + " '/nix/var/nix/profiles': File exists"
        func lost(_ text: String, _ code: Int32) -> Bool {
            Evaluator.hasLostRace(
                RemoteAnswer(exitCode: code, output: [], errors: Array(text.utf8))
            )
        }
        let real =
            "error: creating symlink from '/nix/var/nix/gcroots/profiles' to"
            + " '/nix/var/nix/profiles': File exists"
        #expect(lost(real, 1) && lost(said, 1))
        #expect(!lost(real, 0))
        #expect(!lost("error: creating symlink '/tmp/x': File exists", 1))
        #expect(!lost("error: attribute 'gcroots/profiles' missing", 1))
    }

    @Test(arguments: [
        ("building '/nix/store/6ybai44dgx2bnz7f2xfm1hsa5hpfw92p-a-1.drv' (12)", "a-1.drv", 12),
        ("building '6ybai44dgx2bnz7f2xfm1hsa5hpfw92p-a.drv' (12)", nil, nil),
        ("building '/nix/store/short.drv' (1)", nil, nil), ("building", nil, nil),
    ])
    func aLineOfABuildIsReadOrPassedOver(_ line: String, _ name: String?, _ count: Int?) {
        let building = Builder.building(line)
        #expect(building?.name == name)
        #expect(building?.count == count)
    }

    @Test func theFiveStatesFollowFromThePaths() throws {
        let wanted = try Self.path("wanted")
        let old = try Self.path("old")
        let other = try Self.path("other")
        func state(_ running: StorePath, _ profile: StorePath, isLater: Bool = false) -> HostState {
            HostState(wanted: wanted, running: running, profile: profile, isLater: isLater)
        }
        #expect(state(wanted, wanted) == .current)
        #expect(state(old, wanted) == .stagedForBoot)
        #expect(state(old, old) == .behind)
        #expect(state(old, old, isLater: true) == .ahead)
        #expect(state(old, other) == .drifted)
        #expect(state(wanted, old) == .drifted)
    }

    @Test func noMoreWorkAtATimeThanThereAreSlots() async throws {
        let slots = Slots(3)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    try await slots.use { try await Task.sleep(for: .milliseconds(2)) }
                }
            }
            try await group.waitForAll()
        }
        #expect(await slots.mostAtOnce == 3)
    }

    private static func path(_ name: String) throws -> StorePath {
        try StorePath(parsing: "\(String(repeating: "a", count: 32))-\(name)")
    }
}
