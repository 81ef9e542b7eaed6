// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Testing

@Suite struct ConfChangeTests {
    private static let path = "/etc/nix/nix.conf"

    private static func change(
        _ bytes: [UInt8]?,
        _ others: [String: [UInt8]] = [:],
        files: [String] = [path]
    ) -> ConfChange {
        ConfChange(
            files: files,
            path: path,
            bytes: bytes,
            standardNetrc: "/etc/nix/netrc",
            content: { others[$0].map { .bytes($0) } ?? .missing }
        )
    }

    private static func goal(_ random: inout SeededRandom) -> ClientGoal {
        var goal = ClientGoal(
            url: random.pick(["http://a", "https://new/team", "http://127.0.0.1:5000"]),
            publicKeys: [
                random.pick([
                    "a-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                    "n-1:NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                ])
            ]
        )
        if random.onceIn(3) { goal.netrcFile = random.pick(["/etc/nix/netrc", "/home/me/netrc"]) }
        if random.onceIn(3) {
            goal.isSole = true
            goal.settings = [ClientGoal.Setting("narinfo-cache-negative-ttl", "0")]
        }
        return goal
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func usedAndTakenAwayAFileIsAsItWas(_ seed: UInt64) throws {
        var conf = RandomConf(random: SeededRandom(seed: seed))
        let others = ["/etc/nix/inc.conf": conf.text()]
        let original = conf.random.onceIn(8) ? nil : conf.text(including: ["inc.conf"])
        let goal = Self.goal(&conf.random)
        var mark = SetupMark(label: goal.url)
        mark.madeFile = original == nil
        let change = Self.change(original, others)
        guard let used = try change.adding(goal, mark) else {
            // All was so already.
            let settings = try change.settings()
            #expect(goal.missing(from: settings, standardNetrc: "/etc/nix/netrc").isEmpty)
            return
        }
        let after = Self.change(used, others)
        let settings = try after.settings()
        #expect(goal.missing(from: settings, standardNetrc: "/etc/nix/netrc").isEmpty)
        #expect(try after.adding(goal, mark) == nil, "used twice is not used once")
        #expect(try after.settings(without: goal.url) == change.settings())
        let removal = try #require(try after.removing(goal.url))
        #expect(removal.bytes == original)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func twoCachesGoInEitherOrder(_ seed: UInt64) throws {
        var conf = RandomConf(random: SeededRandom(seed: seed))
        let original = conf.random.onceIn(4) ? nil : conf.text()
        let goals = [
            ClientGoal(url: "http://one", publicKeys: ["one-1:AAAA"]),
            ClientGoal(url: "http://two", publicKeys: ["two-1:AAAA"]),
        ]
        var text = original
        for goal in goals {
            var mark = SetupMark(label: goal.url)
            mark.madeFile = text == nil
            let added: [UInt8] = try #require(try Self.change(text).adding(goal, mark))
            text = added
        }
        for goal in goals {
            #expect(try Self.change(text).adding(goal, SetupMark(label: goal.url)) == nil)
        }
        for goal in goals.shuffled(using: &conf.random) {
            let removal = try Self.change(text).removing(goal.url)
            text = try #require(removal).bytes
        }
        #expect(text == original)
    }

    @Test func aNewKeyTakesThePlaceOfTheOldOne() throws {
        let old = ClientGoal(url: "http://a", publicKeys: ["old-1:AAAA"])
        let new = ClientGoal(url: "http://a", publicKeys: ["new-1:AAAA"])
        let mark = SetupMark(label: "http://a")
        let original = Array("max-jobs = 1\n".utf8)
        let first = try #require(try Self.change(original).adding(old, mark))
        let second = try #require(try Self.change(first).adding(new, mark))
        let settings = try Self.change(second).settings()
        #expect(settings[.trustedPublicKeys] == [ClientSettings.publicNixKey, "new-1:AAAA"])
        #expect(try Self.change(second).removing("http://a")?.bytes == original)
    }

    @Test func linesThatAreUndoneBehindThemMoveToTheEnd() throws {
        let goal = ClientGoal(url: "http://a", publicKeys: ["a-1:AAAA"])
        let mark = SetupMark(label: "http://a")
        let first = try #require(try Self.change(nil).adding(goal, mark))
        let undone = first + Array("substituters = http://b\n".utf8)
        let second = try #require(try Self.change(undone).adding(goal, mark))
        #expect(try Self.change(second).settings().uses("http://a"))
        let rest = try Self.change(second).removing("http://a")?.bytes
        #expect(rest == Array("substituters = http://b\n".utf8))
    }

    @Test func whatWasChangedByHandIsKeptUnlessForced() throws {
        let goal = ClientGoal(url: "http://a", publicKeys: ["a-1:AAAA"])
        let text = try #require(try Self.change([]).adding(goal, SetupMark(label: "http://a")))
        let edited = String(decoding: text, as: UTF8.self)
            .replacing("http://a\nextra", with: "http://a http://mine\nextra")
        var change = Self.change(Array(edited.utf8))
        #expect(throws: ConfChange.Failure.edited(path: Self.path, label: "http://a")) {
            try change.removing("http://a")
        }
        #expect(throws: ConfChange.Failure.edited(path: Self.path, label: "http://a")) {
            try change.adding(
                ClientGoal(url: "http://a", publicKeys: ["b-1:AAAA"]),
                SetupMark(label: "http://a")
            )
        }
        change.replacesEdits = true
        #expect(try change.removing("http://a")?.bytes == [])
    }

    @Test func aSettingThatAnIncludedFileHasIsNotWrittenAgain() throws {
        let goal = ClientGoal(url: "http://a", publicKeys: ["a-1:AAAA"])
        let inner = "extra-binary-caches = http://a/\nextra-trusted-public-keys = a-1:AAAA\n"
        let change = Self.change(
            Array("include inner.conf\n".utf8),
            ["/etc/nix/inner.conf": Array(inner.utf8)]
        )
        #expect(try change.adding(goal, SetupMark(label: "http://a")) == nil)
    }

    @Test func filesThatIncludeEachOtherEnd() throws {
        let change = Self.change(
            Array("include b\n".utf8),
            ["/etc/nix/b": Array("include b\n".utf8)]
        )
        #expect(throws: ConfChange.Failure.unreadable(.tooManyIncludes(path: "/etc/nix/b"))) {
            try change.settings()
        }
    }

    @Test func anIncludedFileMustBeThereUnlessItNeedNot() throws {
        #expect(
            throws: ConfChange.Failure.unreadable(
                .includeMissing(path: "/etc/nix/b", includedBy: Self.path)
            )
        ) {
            try Self.change(Array("include b\n".utf8)).settings()
        }
        #expect(try Self.change(Array("!include b\n".utf8)).settings() == ClientSettings())
    }

    @Test(arguments: ["substituters\n", "a b\n", "include\n", "include a b\n", "= b c\n\n x"])
    func aFileThatNixRefusesIsNotTouched(_ text: String) {
        #expect(throws: ConfChange.Failure.self) {
            try Self.change(Array(text.utf8)).adding(
                ClientGoal(url: "http://a", publicKeys: []),
                SetupMark(label: "http://a")
            )
        }
    }

    @Test func aUsersFileComesOnTopOfTheMachines() throws {
        let user = "/home/me/.config/nix/nix.conf"
        let machine = "substituters = http://b\nextra-trusted-public-keys = a-1:AAAA\n"
        let change = ConfChange(
            files: [Self.path, user],
            path: user,
            bytes: nil,
            standardNetrc: "/etc/nix/netrc",
            content: { $0 == Self.path ? .bytes(Array(machine.utf8)) : .missing }
        )
        let goal = ClientGoal(url: "http://a", publicKeys: ["a-1:AAAA"])
        let text = try #require(try change.adding(goal, SetupMark(label: "http://a")))
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(lines.count == 3 && lines[1] == "extra-substituters = http://a")
    }
}
