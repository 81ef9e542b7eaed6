// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation
import Testing
import firn

/// `[hosts.NAME]` and `[deploy]`, from the file to the hosts of a deploy.
@Suite struct HostConfigurationTests {
    @Test func aHostIsReadWithAllThatItSays() async throws {
        let roster = try await load(
            """
            [deploy]
            flake = "."
            parallel = 2

            [[tier]]
            name = "farm"
            urls = ["http://p620:5000"]
            public-keys = ["p620-1:mZR6o5z5KcWeu4PVXgjHA7vb1sHQgRdWMKQt8x3a4rU="]

            [hosts.p620]
            cache = "farm"

            [hosts.samsung]
            addresses = ["samsung.lan", "[fe80::1]:2222"]
            user = "olaf"
            mac = "aa:bb:cc:dd:ee:ff"
            builder = "p620"
            tags = ["laptop"]
            health = { units = ["sshd.service"], tcp = ["localhost:22"], settle = "3s" }
            """
        )
        #expect(roster.settings.parallel == 2)
        let samsung = try #require(roster.hosts.first { "\($0.name)" == "samsung" })
        #expect(samsung.addresses.map(\.description) == ["samsung.lan", "[fe80::1]:2222"])
        #expect(samsung.user == "olaf")
        #expect(samsung.mac?.description == "aa:bb:cc:dd:ee:ff")
        #expect(
            samsung.health.checks == [.unit("sshd.service"), .tcp(host: "localhost", port: 22)]
        )
        #expect(samsung.health.settle == .seconds(3))
        #expect(roster.via(samsung, asked: nil) == .builder)
        let p620 = try #require(roster.hosts.first { "\($0.name)" == "p620" })
        #expect(roster.cache(of: p620)?.name == "farm")
        #expect(roster.via(p620, asked: nil) == .target)
        #expect(p620.addresses.map(\.description) == ["p620"])
        guard case .flake(let reference, let attribute) = p620.source else {
            Issue.record("\(p620.source)")
            return
        }
        #expect(reference.hasPrefix("/"))
        #expect(attribute == "nixosConfigurations.p620.config.system.build.toplevel")
    }

    @Test(arguments: [
        ("[hosts.-x]", "begins with \"-\""),
        ("[hosts.a]\nmac = 'ff:ff:ff:ff:ff:ff'", "is not the address of one card"),
        ("[hosts.a]\naddresses = ['-oProxyCommand=x']", "has \"-\" in it"),
        ("[hosts.a]\naddresses = []", "leaves nowhere to go"),
        ("[hosts.a]\nuser = 'a b'", "is not a name that a user can have"),
        ("[hosts.a]\nbuilder = 'b'", "is the name of no [hosts.NAME]"),
        ("[hosts.alpha]\n[hosts.b]\nbuilder = 'alhpa'", "did you mean \"alpha\"?"),
        ("[hosts.a]\nvia = 'builder'", "via = \"builder\" needs one"),
        ("[hosts.a]\ncache = 'b'", "is the name of no [[tier]]"),
        ("[hosts.a]\nconfiguration = 'x'", "has no flake and attribute"),
        ("[hosts.a]\nhealth = { tcp = ['a'] }", "has no port"),
        ("[hosts.a]\nhealth = { http = ['ftp://a'] }", "is not a URL"),
        ("[deploy]\ncanary = 'b'", "is the name of no [hosts.NAME]"),
    ])
    func whatCannotBeIsRefusedWithItsReason(_ text: String, _ reason: String) async throws {
        let error = await #expect(throws: (any Error).self) { try await load(text) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(reason))
    }

    private func load(_ text: String) async throws -> FleetRoster {
        try await withTemporaryDirectory { directory in
            let file = try directory.write(text, to: "firn.toml")
            var loader = ConfigurationLoader(
                environment: [:],
                currentDirectory: directory.path,
                isRoot: true,
                processID: 1,
                fileExists: { FileManager.default.fileExists(atPath: $0) }
            )
            loader.namedFile = file
            return try loader.load().configuration.roster()
        }
    }
}
