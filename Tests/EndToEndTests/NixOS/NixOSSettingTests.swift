// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing
import firn

/// Each setting of the reference through the module: set there, written to firn.toml, taken by Firn.
@Suite(.fewAtATime)
struct NixOSSettingTests {
    /// A value for each key that the daemon of a test can live with; Nix and TOML write texts alike.
    private static let samples: [String: String] = [
        "server.listen": "[ \"127.0.0.1:5001\" ]", "server.state": "\"/var/lib/firn\"",
        "server.priority": "20", "server.tls.certificate": "\"/etc/firn/cert.pem\"",
        "server.tls.key": "\"/etc/firn/key.pem\"", "server.socket-mode": "\"0600\"",
        "server.idle-timeout": "\"3m\"", "server.drain-limit": "\"20s\"",
        "server.log-level": "\"debug\"", "server.metrics": "\"local\"",
        "server.status-page": "\"all\"", "signing.keys": "[ \"/etc/nix/one.secret\" ]",
        "store.root": "\"/srv/store\"", "store.compression": "\"none\"",
        "depot.location": "\"/var/lib/firn/other\"", "depot.max-size": "\"7GB\"",
        "depot.local-size": "\"6GB\"", "depot.credentials-file": "\"/etc/firn/s3\"",
        "depot.catalog": "\"sqlite\"",
        "deploy.flake": "\"github:example/fleet\"", "deploy.via": "\"target\"",
        "deploy.parallel": "3", "deploy.offline": "\"skip\"", "deploy.canary": "\"samsung\"",
        "deploy.confirm-timeout": "\"2m\"", "deploy.activation-timeout": "\"11m\"",
        "deploy.wake-timeout": "\"4m\"", "deploy.allow-target-build": "true",
        "deploy.evaluation-memory": "\"3GB\"",
        "tier.name": "\"p620\"", "tier.urls": "[ \"http://p620:5000\" ]",
        "tier.public-keys": "[ \"p620-1:mZR6o5z5KcWeu4PVXgjHA7vb1sHQgRdWMKQt8x3a4rU=\" ]",
        "tier.trust": "\"keys\"", "tier.netrc": "\"/etc/nix/netrc\"",
        "tier.token-file": "\"/etc/firn/p620.token\"", "tier.negative-ttl": "\"9s\"",
        "tier.delta": "\"never\"",
        "cache.name": "\"team\"", "cache.public": "true", "cache.quota": "\"5GB\"",
        "cache.retention": "\"90d\"", "cache.max-nar-size": "\"2GB\"", "cache.priority": "42",
        "cache.upstreams": "[ \"p620\" ]",
        "oidc.issuer": "\"https://gitlab.com\"", "oidc.audience": "[ \"http://p620:5000\" ]",
        "oidc.caches": "\"team*\"", "oidc.allow": "[ \"pull\" \"push\" ]",
        "oidc.claims": "{ project_path = [ \"team/project\" ]; }",
        "oidc.keys-url": "\"https://gitlab.com/keys\"",
        "hosts.addresses": "[ \"samsung.lan\" ]", "hosts.user": "\"root\"",
        "hosts.mac": "\"02:00:00:00:06:20\"", "hosts.tags": "[ \"laptop\" ]",
        "hosts.configuration": "{ file = \"/etc/nixos/samsung.nix\"; attribute = \"system\"; }",
        "hosts.system": "\"x86_64-linux\"", "hosts.builder": "\"samsung\"",
        "hosts.cache": "\"p620\"", "hosts.via": "\"here\"",
        "hosts.agent": "\"http://127.0.0.1:5000\"",
        "hosts.health.units": "[ \"sshd.service\" ]", "hosts.health.tcp": "[ \"localhost:22\" ]",
        "hosts.health.http": "[ \"http://localhost/health\" ]",
        "hosts.health.commands": "[ \"test -e /mnt\" ]", "hosts.health.settle": "\"10s\"",
        "hosts.health.deadline": "\"2m\"",
    ]

    private static func lines(_ section: SettingSection, prefix: String) -> String {
        section.settings.map { setting in
            "\(setting.key) = \(samples["\(prefix)\(setting.key)"] ?? "throw \"no sample\"");"
        }.joined(separator: " ")
    }

    private static let tables = ["tier", "cache", "oidc", "hosts"]

    private static func section(_ name: String) throws -> SettingSection {
        try #require(SettingSection.all.first { $0.name == name })
    }

    @Test func eachIsSetAndTaken() async throws {
        let top = SettingSection.all.filter { !Self.tables.contains($0.name) }
        let settings = top.map { Self.lines($0, prefix: "") }.joined(separator: " ")
        let machine = try await NixEvaluation.machine(
            """
            { services.firn = {
                enable = true;
                settings = { \(settings) };
                tiers = [ { \(Self.lines(try Self.section("tier"), prefix: "tier.")) } ];
                caches = [ { \(Self.lines(try Self.section("cache"), prefix: "cache.")) } ];
                oidc = [ { \(Self.lines(try Self.section("oidc"), prefix: "oidc.")) } ];
                hosts.samsung = { \(Self.lines(try Self.section("hosts"), prefix: "hosts.")) };
            }; }
            """
        )
        #expect(machine.complaints == [])
        // Nothing that was set is lost on the way.
        for section in SettingSection.all {
            for setting in section.settings {
                let name = setting.key.split(separator: ".").last ?? ""
                #expect(
                    machine.configuration.contains("\(name) = "),
                    "\(section.name): \(setting.key)"
                )
            }
        }
        try await Self.check(machine)
    }

    /// Without a token beside the netrc, which one tier may not have, and with what is checked made here.
    private static func check(_ machine: EvaluatedMachine) async throws {
        try await withTemporaryDirectory { directory in
            let store = try directory.makeDirectory("store/nix/store")
            let root = String(store.dropLast("/nix/store".count))
            try await Command(
                "nix-store",
                ["--init", "--store", root],
                environment: NixClient.isolatedEnvironment(home: directory.path)
            ).run(deadline: .seconds(60)).requireSuccess()
            let rendered = try await RenderedMachine.install(machine, in: directory)
            let text = try String(contentsOfFile: rendered.configurationPath, encoding: .utf8)
            let own = text.split(separator: "\n").filter { !$0.hasPrefix("token-file") }
                .joined(separator: "\n")
                .replacing("/srv/store", with: root)
                .replacing("/var/lib/firn", with: directory.path("state"))
            try directory.write("machine example login me password secret\n", to: "netrc")
            try directory.write(
                own.replacing(/netrc = .*/, with: "netrc = \"\(directory.path("netrc"))\""),
                to: "own.toml"
            )
            let words = ["serve", "--check", "--config", directory.path("own.toml")]
            let outcome = try await Command(FirnServer.programme, words)
                .run(deadline: .seconds(60))
            #expect(outcome.status == 0, "\(outcome.errors)\n\(own)")
        }
    }

    /// A key that the module is too old to know.
    @Test func anUnknownKeyIsPassedOn() async throws {
        let machine = try await NixEvaluation.machine(
            "{ services.firn = { enable = true; settings.depot.colour = \"blue\"; }; }"
        )
        #expect(machine.configuration.contains("colour = \"blue\""))
        try await withTemporaryDirectory { directory in
            let rendered = try await RenderedMachine.install(machine, in: directory)
            let words = ["serve", "--check", "--config", rendered.configurationPath]
            let outcome = try await Command(FirnServer.programme, words)
                .run(deadline: .seconds(60))
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains("colour"))
        }
    }

    /// The options that are the module's own stand in the guide, and each says what it is for.
    @Test func everyOptionIsDocumented() async throws {
        let bytes = try await NixEvaluation.evaluate(
            "import \(NixEvaluation.root)/nix/tests/options.nix"
        )
        let options = try JSONDecoder().decode([String: String].self, from: Data(bytes))
        #expect(options.count > 80)
        let guide = try String(
            contentsOfFile: "\(NixEvaluation.root)/docs/guide/nixos.md",
            encoding: .utf8
        )
        for (name, description) in options {
            #expect(!description.isEmpty, "\(name) has no description")
            guard
                !["settings.", "tiers.", "caches.", "oidc.", "hosts."].contains(
                    where: name.hasPrefix
                )
            else { continue }
            #expect(guide.contains("| `\(name)` |"), "\(name) is not in the guide")
        }
    }
}
