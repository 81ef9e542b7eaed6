// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Testing

@Suite struct NetrcTests {
    private static let login = NetrcChange.Login(host: "p620", name: "firn", password: "firn_new")

    private static func change(_ text: String?, isForced: Bool = false) -> NetrcChange {
        NetrcChange(path: "/netrc", bytes: text.map { Array($0.utf8) }, isForced: isForced)
    }

    private static func mark(_ label: String, _ owner: String = "me") -> SetupMark {
        var mark = SetupMark(label: label)
        mark.owner = owner
        return mark
    }

    @Test(arguments: [
        ("machine p620 login a password b", "b"),
        ("machine P620\n\tlogin a\n\tpassword b\n", "b"),
        ("machine other password x\nmachine p620 password \"b \\\" c\"\n", "b \" c"),
        ("# machine p620 password x\nmachine p620 password b # c\n", "b"),
        ("default login a password b\n", "b"),
        ("macdef m\nmachine p620 password x\n\nmachine p620 password b\n", "b"),
        ("machine p620 password b\nmachine p620 password c\n", "b"),
        ("machine p620 account machine password b\n", "b"),
    ])
    func theFirstEntryOfAHostCounts(_ text: String, _ password: String) {
        let netrc = NetrcText(parsing: Array(text.utf8))
        #expect(netrc.entry(for: "p620")?.password == password)
        #expect(!"\(netrc)".contains(password))
    }

    @Test(arguments: [
        nil, "", "machine other login a password b", "default login a password b\n",
        "macdef init\nno end", "machine other password \"no end",
    ])
    func aTokenGoesInFrontAndAwayAgain(_ text: String?) throws {
        var mark = Self.mark("http://p620/team")
        mark.madeFile = text == nil
        let used = try #require(try Self.change(text).adding(Self.login, mark))
        let after = NetrcChange(path: "/netrc", bytes: used, isForced: false)
        #expect(NetrcText(parsing: used).entry(for: "p620")?.password == "firn_new")
        #expect(try after.adding(Self.login, mark) == nil)
        let removal = try #require(try after.removing("http://p620/team", for: "me"))
        #expect(removal.bytes == text.map { Array($0.utf8) })
    }

    @Test func twoCachesOfOneHostShareATokenAndGoAlone() throws {
        let one = try #require(try Self.change(nil).adding(Self.login, Self.mark("http://p620/a")))
        let both = try #require(
            try NetrcChange(path: "/netrc", bytes: one, isForced: false)
                .adding(Self.login, Self.mark("http://p620/b"))
        )
        let left = try #require(
            try NetrcChange(path: "/netrc", bytes: both, isForced: false)
                .removing("http://p620/a", for: "me")?.bytes
        )
        #expect(NetrcText(parsing: left).entry(for: "p620")?.password == "firn_new")
    }

    @Test func anotherTokenForTheHostIsKeptUnlessForced() throws {
        let text = "machine p620 login a password other\n"
        let mark = Self.mark("http://p620/team")
        #expect(throws: NetrcChange.Failure.otherToken(path: "/netrc", host: "p620")) {
            try Self.change(text).adding(Self.login, mark)
        }
        let forced = try #require(try Self.change(text, isForced: true).adding(Self.login, mark))
        #expect(NetrcText(parsing: forced).entry(for: "p620")?.password == "firn_new")
        let back = try NetrcChange(path: "/netrc", bytes: forced, isForced: false)
            .removing("http://p620/team", for: "me")
        #expect(back?.bytes == Array(text.utf8))
    }

    @Test(arguments: ["password x\n", "machina p620 login a password b\n", "login a machine b"])
    func wordsThatWouldBecomePartOfTheEntryAreNotPassedOver(_ text: String) {
        #expect(throws: NetrcChange.Failure.strayWords(path: "/netrc")) {
            try Self.change(text, isForced: true)
                .adding(Self.login, Self.mark("http://p620/team"))
        }
    }

    @Test func aTokenThatIsThereIsNotWrittenAgain() throws {
        let text = "machine p620 login somebody password firn_new\n"
        #expect(try Self.change(text).adding(Self.login, Self.mark("http://p620/team")) == nil)
    }

    @Test func aNewTokenTakesThePlaceOfTheOldOne() throws {
        let mark = Self.mark("http://p620/team")
        let old = NetrcChange.Login(host: "p620", name: "firn", password: "firn_old")
        let first = try #require(try Self.change("").adding(old, mark))
        let second = try #require(
            try NetrcChange(path: "/netrc", bytes: first, isForced: false).adding(Self.login, mark)
        )
        #expect(!String(decoding: second, as: UTF8.self).contains("firn_old"))
    }

    @Test func theMachinesLinesAreNotTheUsers() throws {
        let used = try #require(
            try Self.change("").adding(Self.login, Self.mark("http://p620/a", "system"))
        )
        let change = NetrcChange(path: "/netrc", bytes: used, isForced: false)
        #expect(try change.removing("http://p620/a", for: "user") == nil)
        #expect(try change.removing("http://p620/a", for: "system") != nil)
    }

    @Test func noPasswordIsShown() throws {
        let old = NetrcText(
            parsing: Array(
                "machine a password s1\npassword s2\nmachine b password \"s 3\"\n# password s5".utf8
            )
        )
        let new = NetrcText(parsing: old.bytes + Array("\nmachine c password s4\n".utf8))
        let shown = String(decoding: new.masked(comparedWith: old), as: UTF8.self)
        #expect(
            shown == """
                machine a password ********
                password ********
                machine b password ********
                # ********
                machine c password ******** (new)

                """
        )
        for secret in ["s1", "s2", "s 3", "s4", "s5"] { #expect(!shown.contains(secret)) }
    }

    @Test(arguments: ["", "a b", "a\"b", "#a", "a\\b", "ä", "a\n"])
    func whatNotEveryCurlReadsAlikeIsNoToken(_ text: String) {
        #expect(!NetrcChange.Login.isPlain(text))
    }
}
