// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import NixFormat
import Testing
import firn

@Suite struct TierConfigurationTests {
    private static let key = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
    private static let other = "other-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="

    private static func load(
        _ text: String,
        hostName: String? = "laptop.lan",
        environment: [String: String] = [:]
    ) async throws -> ConfigurationLoader.Outcome {
        try await withTemporaryDirectory { folder in
            let file = try folder.write(text, to: "f")
            var loader = ConfigurationLoader(
                environment: environment,
                currentDirectory: "/nowhere",
                isRoot: true,
                processID: 77,
                fileExists: { $0 == file }
            )
            loader.namedFile = file
            loader.hostName = hostName
            loader.ownAddresses = Set(ownAddresses.compactMap { IPAddress(parsing: $0) })
            loader.socketAddress = { $0 == 3 ? .tcp(host: "::", port: 5000) : nil }
            return try loader.load()
        }
    }

    private static func tier(_ lines: String..., name: String = "a") -> String {
        "[[tier]]\nname = \"\(name)\"\n" + lines.joined(separator: "\n") + "\n"
    }

    private static let ownAddresses = ["127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"]

    private static let keys = "public-keys = [\"\(key)\"]"

    @Test func everyFieldIsReadAndTheOrderIsKept() async throws {
        let text = """
            [[tier]]
            name = "p620"
            urls = ["http://P620.lan:5000/", "http://[FD00::1]:5000/cache/"]
            public-keys = ["\(Self.key)", "\(Self.other)"]
            netrc = "netrc"
            [server]
            priority = 20
            [[tier]]
            name = "nixos"
            urls = ["https://cache.nixos.org"]
            trust = "none"
            token-file = "/run/token"
            negative-ttl = "0s"
            """
        let outcome = try await Self.load(text)
        let tiers = outcome.configuration.tiers
        try #require(tiers.map(\.name) == ["p620", "nixos"])
        #expect(
            tiers[0].urls.map(\.description)
                == ["http://p620.lan:5000", "http://[fd00::1]:5000/cache"]
        )
        #expect(
            tiers[0].publicKeys
                == [try PublicKey(parsing: Self.key), try PublicKey(parsing: Self.other)]
        )
        #expect(tiers[0].trust == .keys)
        #expect(tiers[0].netrc?.path.hasSuffix("/netrc") == true)
        #expect(tiers[0].netrc?.origin.description.hasSuffix("/f:5") == true)
        #expect(tiers[0].tokenFile == nil)
        #expect(tiers[0].negativeTTL == TimeSpan(seconds: 1))
        #expect(tiers[1].trust == .none)
        #expect(tiers[1].publicKeys.isEmpty)
        #expect(tiers[1].tokenFile?.path == "/run/token")
        #expect(tiers[1].negativeTTL == TimeSpan(seconds: 0))
        #expect(outcome.configuration.server.priority == 20)
        #expect(
            outcome.warnings == [
                "tier \"nixos\" has trust = \"none\": what it says is taken and passed on without "
                    + "a signature"
            ]
        )
    }

    @Test(arguments: [
        ("[\"http://b\", \"http://c\"]", 1), ("[\"https://b\"]", 60),
        ("[\"http://b\", \"https://c\"]", 60),
    ])
    func whatIsFarAwayIsAskedAgainLater(_ urls: String, _ seconds: Int64) async throws {
        let outcome = try await Self.load(Self.tier("urls = \(urls)", Self.keys))
        #expect(outcome.configuration.tiers[0].negativeTTL == TimeSpan(seconds: seconds))
    }

    @Test func tablesMayBeWrittenInline() async throws {
        let text = """
            tier = [
                { name = "a", urls = ["http://b"], \(Self.keys) },
                { name = "b", urls = ["http://b"], \(Self.keys), extra = 1 },
            ]
            """
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        #expect(error?.description.contains("/f:3: unknown key \"tier.extra\"") == true)
        let good = try await Self.load(text.replacing(", extra = 1", with: ""))
        #expect(good.configuration.tiers.map(\.name) == ["a", "b"])
    }

    @Test(arguments: [
        ("", "f:1: tier.urls is missing; tier \"a\" needs at least one"),
        ("urls = \"http://b\"", "f:3: tier.urls takes an array of 1 to 8 URLs"),
        ("urls = []", "f:3: tier.urls takes an array of 1 to 8 URLs such as"),
        ("urls = [\"http://[fd00::1\\u0000]\"]", "f:3: tier.urls takes an array of 1 to 8 URLs"),
        ("urls = [1]", "not an array with an integer in it"),
        ("urls = [\"b:5000\"]", "\"b:5000\" starts with neither http:// nor https://"),
        ("urls = [\"s3://b\"]", "starts with neither http:// nor https://"),
        ("urls = [\"http://b?priority=1\"]", "has a query or a fragment"),
        ("urls = [\"http://b/#x\"]", "has a query or a fragment"),
        ("urls = [\"http://\"]", "has the host \"\""),
        ("urls = [\"http://b c\"]", "has the host \"b c\""),
        ("urls = [\"http://::1\"]", "has the host"),
        ("urls = [\"http://b:0\"]", "has the port \"0\""),
        ("urls = [\"http://b:65536\"]", "has the port \"65536\""),
        ("urls = [\"http://b/../c\"]", "has a path that is not that of a folder"),
        ("urls = [\"http://b\", \"HTTP://B:80/\"]", "f:3: tier.urls names \"HTTP://B:80/\" twice"),
        (
            "urls = [\(Array(1...9).map { "\"http://b\($0)\"" }.joined(separator: ", "))]",
            "\"http://b9\" is one too many"
        ),
        (
            "urls = [\"http://b\"]",
            "f:1: tier.public-keys is missing; name the keys that tier \"a\" signs with, or write "
                + "trust = \"none\""
        ),
        ("public-keys = [\"x\"]", "f:3: tier.public-keys takes an array of public keys"),
        ("public-keys = [\"\(key)\", \"\(key)\"]", "twice; remove one"),
        ("trust = \"all\"", "f:3: tier.trust takes one of \"keys\", \"none\": \"all\" is none"),
        ("trust = false", "f:3: tier.trust takes one of \"keys\", \"none\", not a boolean"),
        ("netrc = \"\"", "f:3: tier.netrc takes a path: \"\" is empty"),
        ("negative-ttl = \"2h\"", "f:3: tier.negative-ttl is 2h, but must be between 0s and 1h"),
        ("negative-ttl = 5", "f:3: tier.negative-ttl takes a time such as"),
        (
            "delta = true",
            "f:3: tier.delta takes one of \"auto\", \"always\", \"never\", not a boolean"
        ),
        ("url = \"http://b\"", "f:3: unknown key \"tier.url\"; did you mean \"tier.urls\"?"),
        ("public_keys = []", "did you mean \"tier.public-keys\"?"),
        ("negative_ttl = \"1s\"", "did you mean \"tier.negative-ttl\"?"),
        ("priority = 1", "did you mean \"server.priority\"?"),
        ("tomatoes = 1", "docs/reference/configuration.md lists all keys"),
    ])
    func aMistakeIsToldWithItsLine(_ line: String, _ part: String) async throws {
        let text = Self.tier(line)
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("", "is empty"), ("a b", "has other characters"), ("a.b", "has other characters"),
        ("ä", "has other characters"), ("store", "is what Firn calls its own"),
        ("Depot", "is what Firn calls its own"),
        (String(repeating: "a", count: 65), "is longer than 64 characters"),
    ])
    func aNameThatIsNoneIsRefused(_ name: String, _ part: String) async throws {
        let text = Self.tier("urls = [\"http://b\"]", Self.keys, name: name)
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        #expect(error?.description.contains("f:2: tier.name takes a name") == true)
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        (
            "[tier]\nname = \"a\"",
            "f:1: \"tier\" is a list of tables, not a table; write [[tier]] for each"
        ),
        ("tier = 5", "f:1: \"tier\" is a list of tables, not an integer"),
        ("tier = [\n1]", "f:2: \"tier\" is a list of tables, not an array with an integer in it"),
        ("[[tier]]\nurls = [\"http://b\"]", "f:1: tier.name is missing; every tier has a name"),
        ("[[tiers]]", "f:1: unknown key \"tiers\"; did you mean \"tier\"?"),
    ])
    func aTableOfAnotherShapeIsRefused(_ text: String, _ part: String) async throws {
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }

    @Test func aNameIsUsedOnce() async throws {
        let once = Self.tier("urls = [\"http://b\"]", Self.keys)
        let error = await #expect(throws: ConfigurationError.self) {
            try await Self.load(once + once)
        }
        #expect(
            error?.description.contains("f:6: tier.name") == true
                && error?.description.contains("\"a\" is the name of an earlier tier") == true
        )
    }

    /// Neither the message nor what is printed of the settings has the password.
    @Test func credentialsInAURLAreRefusedAndNotRepeated() async throws {
        let text = Self.tier("urls = [\"https://me:s3cret@b.example:80/x\"]", Self.keys)
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        let message = try #require(error?.description)
        #expect(message.contains("\"…@b.example:80/x\" has a user name or password in it"))
        #expect(message.contains("\"netrc\" or \"token-file\""))
        #expect(!message.contains("s3cret"))
    }

    @Test func twoWaysToSayWhoWeAreAreOneTooMany() async throws {
        let text = Self.tier(
            "urls = [\"http://b\"]",
            Self.keys,
            "netrc = \"n\"",
            "token-file = \"t\""
        )
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        #expect(
            error?.description.hasSuffix(
                "f:6: tier.token-file cannot be together with tier.netrc; remove one"
            ) == true
        )
    }

    @Test func theFirstMistakeOfThePageIsToldWhereverItStands() async throws {
        let text = Self.tier("urls = []") + "[server]\npriority = 0\n"
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        #expect(error?.description.contains("f:3: tier.urls") == true)
        let turned = "[server]\npriority = 0\n" + Self.tier("urls = []")
        let second = await #expect(throws: ConfigurationError.self) {
            try await Self.load(turned)
        }
        #expect(second?.description.contains("f:2: server.priority") == true)
    }

    @Test(arguments: [
        ("[::]:5000", "http://127.0.0.1:5000"), ("[::]:5000", "http://localhost:5000/"),
        ("[::]:5000", "http://[::1]:5000"), ("[::]:80", "http://LAPTOP"),
        ("[::]:5000", "http://laptop.lan:5000"), ("[::]:5000", "http://127.0.1.1:5000"),
        ("127.0.0.1:5000", "http://localhost:5000"), ("127.0.0.1:443", "https://127.0.0.1"),
        ("p620.lan:5000", "http://p620.lan:5000"), ("[::]:5000", "http://0.0.0.0:5000"),
        ("[::]:5000", "http://192.0.2.7:5000"), ("0.0.0.0:80", "http://192.0.2.7"),
        ("[::]:5000", "http://[2001:DB8:0:0::7]:5000"),
        ("[::]:5000", "http://[::ffff:192.0.2.7]:5000"),
        ("[2001:db8::9]:5000", "http://[2001:db8:0::9]:5000"),
        ("0.0.0.0:5000", "http://[::ffff:127.0.0.1]:5000"),
    ])
    func aTierThatIsThisServerIsRefused(_ address: String, _ url: String) async throws {
        let text =
            "[server]\nlisten = [\"unix:/s\", \"\(address)\"]\n"
            + Self.tier("urls = [\"http://b\", \"\(url)\"]", Self.keys)
        let error = await #expect(throws: ConfigurationError.self) { try await Self.load(text) }
        let message = try #require(error?.description)
        #expect(message.contains("f:5: tier \"a\": http"))
        #expect(message.contains("is this very server, which listens on \(address); remove it"))
    }

    @Test func aSocketThatWasHandedOverIsThisServerToo() async throws {
        let text = Self.tier("urls = [\"http://192.0.2.7:5000\"]", Self.keys)
        let error = await #expect(throws: ConfigurationError.self) {
            try await Self.load(text, environment: ["LISTEN_PID": "77", "LISTEN_FDS": "2"])
        }
        #expect(error?.description.contains("which listens on [::]:5000; remove it") == true)
    }

    @Test(arguments: [
        ("[::]:5000", "http://127.0.0.1:5001"), ("[::]:5000", "http://p620:5000"),
        ("127.0.0.1:5000", "http://127.0.0.2:5000"), ("192.0.2.1:5000", "http://127.0.0.1:5000"),
        ("[::]:0", "http://127.0.0.1:5000"), ("[::]:5000", "http://127.example:5000"),
        ("[::]:5000", "http://192.0.2.7:80"), ("[::]:5000", "http://192.0.2.8:5000"),
        ("0.0.0.0:5000", "http://[2001:db8::7]:5000"), ("0.0.0.0:5000", "http://[::1]:5000"),
        ("127.0.0.1:5000", "http://192.0.2.7:5000"),
    ])
    func anotherServerOfThisMachineMayBeATier(_ address: String, _ url: String) async throws {
        let text =
            "[server]\nlisten = [\"\(address)\"]\n"
            + Self.tier("urls = [\"\(url)\"]", Self.keys)
        #expect(try await Self.load(text).configuration.tiers.count == 1)
    }

    @Test(arguments: [
        ("depot.location", [String: String]()), ("", ["FIRN_DEPOT_LOCATION": "none"]),
    ])
    func aFirnMayKeepNothing(_ key: String, _ environment: [String: String]) async throws {
        let text = key.isEmpty ? "" : "\(key) = \"none\""
        let outcome = try await Self.load(text, environment: environment)
        #expect(outcome.configuration.depot.location == .nowhere)
        #expect(outcome.configuration.depotDirectory == nil)
    }

    @Test func aFolderOfThatNameIsWrittenWithItsFolder() async throws {
        let outcome = try await Self.load("depot.location = \"./none\"")
        #expect(outcome.configuration.depotDirectory?.hasSuffix("/./none") == true)
    }
}
