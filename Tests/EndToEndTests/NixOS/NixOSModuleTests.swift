// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing
import firn

/// `nix/module.nix`, evaluated by the real Nix, and what comes of it.
@Suite(.fewAtATime)
struct NixOSModuleTests {
    private static let presets = "\(NixEvaluation.root)/nix/tests/presets.nix"
    private static let fleet = "\(NixEvaluation.root)/nix/tests/fleet.nix"

    @Test(arguments: [presets, fleet])
    func nothingIsComplainedOf(_ machines: String) async throws {
        for (name, machine) in try await NixEvaluation.machines(machines) {
            #expect(machine.complaints == [], "\(name)")
        }
    }

    @Test(
        .enabled(if: isInstalled("systemd-analyze"), "systemd is not installed"),
        arguments: [presets, fleet]
    )
    func systemdAcceptsTheUnitsAndFindsThemSafe(_ machines: String) async throws {
        for (name, machine) in try await NixEvaluation.machines(machines) {
            try await withTemporaryDirectory { directory in
                var files: [String] = []
                for (unit, text) in machine.units {
                    // What is elsewhere on NixOS, systemd looks for here.
                    let here = text.replacing("/run/current-system/sw/bin/kill", with: "/bin/kill")
                    files.append(try directory.write(here, to: unit))
                }
                let verified = try await Command(
                    "systemd-analyze",
                    ["verify", "--man=no"] + files
                ).run(deadline: .seconds(60)).requireSuccess()
                #expect(verified.errors.isEmpty, "\(name): \(verified.errors)")
                for file in files where file.hasSuffix(".service") {
                    // Of 100: 13 for what has a network, 4 for what has none.
                    let isAlone = try String(contentsOfFile: file, encoding: .utf8)
                        .contains("PrivateNetwork=true")
                    let words = [
                        "security", "--offline=yes", "--no-pager",
                        "--threshold=\(isAlone ? 4 : 13)", file,
                    ]
                    let outcome = try await Command("systemd-analyze", words)
                        .run(deadline: .seconds(60))
                    #expect(outcome.status == 0, "\(name): \(outcome.text.suffix(200))")
                }
            }
        }
    }

    @Test(arguments: [presets, fleet])
    func firnAcceptsTheConfigurations(_ machines: String) async throws {
        for (name, machine) in try await NixEvaluation.machines(machines) {
            try await withTemporaryDirectory { directory in
                let installed = try await RenderedMachine.install(machine, in: directory)
                let words = ["serve", "--check", "--config", installed.configurationPath]
                let outcome = try await Command(FirnServer.programme, words)
                    .run(deadline: .seconds(60))
                #expect(outcome.status == 0, "\(name): \(outcome.errors)")
            }
        }
    }

    @Test func aBuilderIsReachedWhereItIsAskedForOnly() async throws {
        let machines = try await NixEvaluation.machines(Self.presets)
        let plain = try #require(machines["plain"])
        #expect(plain.ports.everywhere == [] && plain.ports.interfaces == [:])
        // Whom it does not call, it has no way to.
        #expect(plain.values("PrivateNetwork", in: "firn.service") == ["true"])
        let builder = try #require(machines["builder"])
        #expect(builder.ports.everywhere == [5000])
        #expect(builder.ports.interfaces == ["tailscale0": [5000]])
        #expect(builder.values("OnCalendar", in: "firn-gc.timer") == ["weekly"])
        #expect(
            builder.values("ExecStart", in: "firn-gc.service").first?
                .hasSuffix("/firn gc --down-to 50GB") == true
        )
        let shared = try #require(machines["shared"])
        #expect(shared.ports.everywhere == [])
        #expect(shared.ports.interfaces == ["tailscale0": [5000]])
        #expect(
            shared.values("ListenStream", in: "firn.socket") == ["[::]:5000", "/run/firn/socket"]
        )
    }

    /// What it reads is root's, and no secret's place in the world-readable store is taken.
    @Test func secretsComeAsCredentials() async throws {
        let machines = try await NixEvaluation.machines(Self.presets)
        let builder = try #require(machines["builder"])
        #expect(
            builder.values("LoadCredential", in: "firn.service")
                == ["signing-key-0:/etc/nix/p620-1.secret"]
        )
        #expect(!builder.configuration.contains("/etc/nix"))
        let shared = try #require(machines["shared"])
        #expect(
            shared.values("LoadCredential", in: "firn.service") == [
                "tls-certificate:/var/lib/acme/cache/fullchain.pem",
                "tls-key:/var/lib/acme/cache/key.pem",
            ]
        )
        let agent = try #require(machines["agent"])
        #expect(
            agent.values("LoadCredential", in: "firn-push.service")
                == ["token:/etc/firn/team.token"]
        )
    }

    /// - Source: `firn use --agent`, which sets the same.
    @Test func theAgentIsTheOnlyCacheOfItsNix() async throws {
        let agent = try #require(try await NixEvaluation.machines(Self.presets)["agent"])
        let lines = agent.nixConf.split(separator: "\n").map(String.init)
        #expect(lines.contains("substituters = http://127.0.0.1:5000"))
        #expect(lines.contains("narinfo-cache-negative-ttl = 0"))
        #expect(lines.contains("stalled-download-timeout = 60"))
        #expect(lines.contains("http-connections = 64"))
        let keys = try #require(lines.first { $0.hasPrefix("trusted-public-keys = ") })
        for name in ["p620-1:", "cache.nixos.org-1:", "mine.cachix.org-1:"] {
            #expect(keys.contains(name))
        }
        #expect(agent.variables == ["NIX_CONFIG": "substitute = true"])
        let newer = try await NixEvaluation.machines(Self.presets, nixVersion: "2.35.0")["agent"]
        #expect(
            newer?.nixConf.contains("substituters = http://127.0.0.1:5000?retry-attempts=2\n")
                == true
        )
    }

    /// Wherever the daemon listens, and not where nobody does.
    @Test(arguments: [
        ("[::1]:5001", "http://[::1]:5001"), ("127.0.0.1:80", "http://127.0.0.1:80"),
        ("192.0.2.7:5000", "http://192.0.2.7:5000"), ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        ("[::]:5000", "http://127.0.0.1:5000"), ("localhost:5000", "http://127.0.0.1:5000"),
    ])
    func theOnlyCacheIsWhereTheDaemonListens(_ listen: String, _ url: String) async throws {
        let machine = try await NixEvaluation.machine(
            """
            { services.firn = {
                enable = true; configureNix = true;
                settings.server.listen = [ "unix:/run/firn/socket" "\(listen)" ];
                tiers = [ { name = "p620"; urls = [ "http://p620" ]; public-keys = [ ]; } ];
            }; }
            """
        )
        #expect(machine.complaints == [])
        #expect(machine.nixConf.contains("substituters = \(url)\n"), "\(machine.nixConf)")
    }

    /// A database or a bucket elsewhere is reached, also by who has no tiers.
    @Test(arguments: [
        "depot.catalog = \"postgresql://firn@db.example.net/firn\"",
        "depot.location = \"s3://bucket/prefix\"",
    ])
    func whatIsElsewhereHasAWayThere(_ setting: String) async throws {
        let machine = try await NixEvaluation.machine(
            """
            { services.firn = { enable = true; gc.enable = true; settings.\(setting); }; }
            """
        )
        for unit in ["firn.service", "firn-gc.service"] {
            #expect(machine.values("PrivateNetwork", in: unit) == [], "\(unit)")
            #expect(machine.values("IPAddressDeny", in: unit) == [], "\(unit)")
        }
    }

    @Test func theHookIsTheOneThatFirnInstalls() async throws {
        for cache in ["team", "http://p620:5000/team", "https://cache.example.org/team"] {
            let call = """
                (import \(NixEvaluation.root)/nix/tests/evaluate.nix {
                  machines = { it.services.firn = { enable = true; push.cache = "\(cache)"; }; };
                }).it.hook
                """
            let bytes = try await NixEvaluation.evaluate(call)
            let text = try JSONDecoder().decode(String.self, from: Data(bytes))
            try await withTemporaryDirectory { directory in
                let file = directory.path("hook")
                var install = Command(
                    FirnServer.programme,
                    ["hook", cache, "--install", file, "--store", directory.path]
                )
                install.environment["FIRN_STATE"] = directory.path("state")
                try await install.run(deadline: .seconds(60)).requireSuccess()
                let installed = try String(contentsOfFile: file, encoding: .utf8)
                    .replacing(directory.path("state"), with: "/var/lib/firn")
                #expect(installed == text)
            }
        }
    }
}

/// What is refused, with a sentence.
@Suite(.fewAtATime)
struct NixOSRefusalTests {
    private static let complaints: [(module: String, says: String)] = [
        (
            "preset = \"agent\"; configureNix = false; settings.server.listen = [ \"[::]:5000\" ];",
            "loopback only"
        ),
        ("preset = \"shared-cache\";", "names none"),
        ("configureNix = true;", "needs services.firn.tiers"),
        (
            "openFirewall = true; settings.server.listen = [ \"127.0.0.1:5000\" ];",
            "listens on loopback only"
        ),
        ("gc.enable = true; settings.depot.location = \"none\";", "collects a depot"),
        ("push.tokenFile = \"/etc/token\";", "names no cache"),
        ("settings.signing.keys = [ \"${builtins.storeDir}/key\" ];", "not in the Nix store"),
        ("settings.server.state = \"/srv\";", "/var/lib/firn"),
        ("push.cache = \"team'; true '\";", "letters, digits"),
        (
            """
            configureNix = true; settings.server.tls = { certificate = "/c"; key = "/k"; };
            tiers = [ { name = "p620"; urls = [ "http://p620" ]; public-keys = [ ]; } ];
            """,
            "https only"
        ),
    ]

    @Test(arguments: complaints.map(\.module))
    func whatCannotWorkIsSaid(_ module: String) async throws {
        let says = try #require(Self.complaints.first { $0.module == module }?.says)
        let machine = try await NixEvaluation.machine(
            "{ services.firn = { enable = true; \(module) }; }"
        )
        #expect(machine.complaints.count == 1, "\(machine.complaints)")
        #expect(machine.complaints.first?.contains(says) == true, "\(machine.complaints)")
    }

    @Test(arguments: [
        "tiers = [ { name = \"p620\"; } ];",
        "tiers = [ { name = \"p620\"; urls = [ \"http://p620\" ]; public-key = [ ]; } ];",
        "preset = \"laptop\";",
        "settings.server.priority = 5000;",
        "settings.store.compression = \"xz\";",
        "hosts.samsung.heath = { };",
    ])
    func aWrongNameOrTypeEndsTheEvaluation(_ module: String) async throws {
        let refusal = await #expect(throws: NixEvaluation.Refusal.self) {
            try await NixEvaluation.machine("{ services.firn = { enable = true; \(module) }; }")
        }
        #expect(refusal?.description.contains("option `services.firn.") == true)
    }
}
