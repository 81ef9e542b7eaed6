// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What `firn doctor` finds on a machine that serves a cache, each thing broken by itself.
@Suite(.fewAtATime)
struct DoctorServerTests {
    @Test func aDaemonThatRunsIsFineAndOneThatDoesNotIsFound() async throws {
        try await withSmallServedStore { store, server, _ in
            try await withUseHome { home in
                let file = try home.daemonFile(
                    port: server.port,
                    state: server.state,
                    store: store.root
                )
                let fine = try await home.doctor(config: file)
                #expect(fine.status == 0, "\(fine)")
                #expect(fine.one("daemon", "pass", "runs and is ready") != nil, "\(fine)")
                #expect(fine.one("signature", "pass", "has signed") != nil, "\(fine)")
                #expect(fine.one("keys", "pass", "signs with the keys of its files") != nil)
                #expect(fine.one("secrets", "pass", "signing key") != nil)
                #expect(fine.one("database", "pass", "readable") != nil)

                try await server.kill()
                let dead = try await home.doctor(config: file)
                #expect(dead.status == 1)
                let finding = dead.one("daemon", "fail", "connection refused")
                #expect(finding?.evidence.contains(file) == true, "\(dead)")
                #expect(finding?.remedy != nil)
            }
        }
    }

    @Test func anotherKeyInTheFileThanInTheDaemonIsFound() async throws {
        try await withSmallServedStore { store, server, _ in
            try await withUseHome { home in
                let key = try await TestKey.make(name: "new-1", in: home.directory)
                let file = try home.daemonFile(
                    port: server.port,
                    state: server.state,
                    lines: "[signing]\nkeys = [\"\(key.secretPath)\"]",
                    store: store.root
                )
                let report = try await home.doctor(config: file)
                #expect(report.status == 1)
                #expect(report.one("keys", "fail", "its files have other keys") != nil)
            }
        }
    }

    @Test func aKeyThatEverybodyCanReadIsFoundAndClosed() async throws {
        try await withUseHome { home in
            let key = try await TestKey.make(name: "open-1", in: home.directory)
            try home.close(key.secretPath, 0o644)
            let file = try home.daemonFile(
                port: 1,
                state: home.directory.path("state"),
                lines: "[signing]\nkeys = [\"\(key.secretPath)\"]"
            )
            let open = try await home.doctor(config: file)
            let finding = open.one("secrets", "fail", "every user can read")
            #expect(open.status == 1 && finding?.subject == key.secretPath)
            #expect(try home.mode(key.secretPath) == 0o644)
            let closed = try await home.doctor(["--fix"], config: file)
            #expect(closed.all("secrets").first?.fixed == "chmod 600 \(key.secretPath)")
            #expect(try home.mode(key.secretPath) == 0o600)
            let after = try await home.doctor(config: file)
            #expect(after.all("secrets").map(\.verdict) == ["pass"])
            try home.directory.write("no key", to: "open-1.secret")
            let broken = try await home.doctor(config: file)
            #expect(broken.all("secrets").map(\.verdict) == ["fail"], "\(broken)")
        }
    }

    @Test func aConfigurationThatIsNotValidIsFound() async throws {
        try await withUseHome { home in
            let file = try home.directory.write("[server]\nprioritty = 1\n", to: "firn.toml")
            let report = try await home.doctor(config: file)
            #expect(report.status == 1)
            #expect(report.one("configuration", "fail", "firn.toml:2") != nil, "\(report)")
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounts and name spaces"))
    func aDatabaseWithALogThatCannotBeReadIsFound() async throws {
        try await withSmallServedStore { store, server, _ in
            try await server.stop()
            try await withUseHome { home in
                let file = try home.daemonFile(
                    port: server.port,
                    state: server.state,
                    store: store.root
                )
                try? FileManager.default.removeItem(atPath: store.databasePath + "-shm")
                try Data(repeating: 7, count: 4_096)
                    .write(to: URL(filePath: store.databasePath + "-wal"))
                let script = """
                    ip link set lo up
                    mount --bind "$STORE/nix" "$STORE/nix"
                    mount -o remount,bind,ro "$STORE/nix"
                    exec "$@"
                    """
                let report = try await home.doctor(
                    [],
                    config: file,
                    in: script,
                    with: ["STORE": store.root]
                )
                let finding = report.one("database", "fail", "write-ahead log")
                #expect(finding?.remedy?.contains("wal_checkpoint") == true, "\(report)")
            }
        }
    }

    @Test func aDatabaseThatIsNoneIsFound() async throws {
        try await withNixStore { store in
            try await store.initialise()
            try await withUseHome { home in
                let state = home.directory.path("state")
                let file = try home.daemonFile(port: 1, state: state, store: store.root)
                try Data("not a database".utf8).write(to: URL(filePath: store.databasePath))
                for suffix in ["-wal", "-shm"] {
                    try? FileManager.default.removeItem(atPath: store.databasePath + suffix)
                }
                let report = try await home.doctor(config: file)
                #expect(report.all("database").map(\.verdict) == ["fail"], "\(report)")
            }
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounts and name spaces"))
    func aFullDiskIsFound() async throws {
        try await withUseHome { home in
            let state = try home.directory.makeDirectory("state")
            let file = try home.daemonFile(port: 1, state: state)
            let script = """
                ip link set lo up
                mount -t tmpfs -o size=3m tmpfs "$STATE"
                dd if=/dev/zero of="$STATE/file" bs=64k 2>/dev/null || true
                exec "$@"
                """
            let report = try await home.doctor(
                [],
                config: file,
                in: script,
                with: ["STATE": state]
            )
            let finding = report.all("disk", of: state).first
            #expect(report.status == 1 && finding?.verdict == "fail", "\(report)")
            #expect(finding?.evidence.contains("full: 0 B free") == true, "\(report)")
        }
    }

    /// A rule of nftables closes the port of a daemon, in a network of their own.
    @Test(.enabled(if: getuid() == 0, "mounts and name spaces"))
    func aPortThatTheFirewallClosesIsFoundOnBothSides() async throws {
        try await withNixStore { store in
            _ = try await store.buildSmall()
            try await withUseHome { home in
                let file = try home.directory.write(
                    """
                    [server]
                    listen = ["0.0.0.0:5000"]
                    state = "\(home.directory.path("state"))"
                    [store]
                    root = "\(store.root)"
                    """,
                    to: "firn.toml"
                )
                let rules = try home.directory.write(
                    """
                    table inet filter {
                        chain input {
                            type filter hook input priority 0; policy drop;
                            ct state established,related accept
                            iifname "lo" ip daddr 127.0.0.0/8 accept
                            tcp dport { 22, 80 } accept
                        }
                    }
                    """,
                    to: "rules.nft"
                )
                let script = """
                    ip link set lo up
                    ip address add 10.9.8.7/32 dev lo
                    "$1" serve --config "$FILE" >/dev/null 2>&1 &
                    trap "kill $!" EXIT
                    n=0
                    until curl --silent --fail http://127.0.0.1:5000/readyz >/dev/null; do
                        n=$((n + 1)); [ $n -lt 300 ]; sleep 0.2
                    done
                    [ -z "$RULES" ] || nft --file "$RULES"
                    "$@"
                    """
                let cache = "http://10.9.8.7:5000"
                let closed = try await home.doctor(
                    [cache],
                    config: file,
                    in: script,
                    with: ["FILE": file, "RULES": rules]
                )
                let finding = closed.one("firewall", "fail", "the policy of inet filter input")
                #expect(finding?.remedy?.contains("tcp dport 5000 accept") == true, "\(closed)")
                #expect(closed.one("daemon", "pass", "runs") != nil, "\(closed)")
                let far = closed.one("address", "fail", "a firewall drops it")
                #expect(far?.subject == cache, "\(closed)")

                let open = try await home.doctor(
                    [cache],
                    config: file,
                    in: script,
                    with: ["FILE": file, "RULES": ""]
                )
                #expect(open.all("firewall").map(\.verdict) == ["pass"], "\(open)")
                #expect(open.all("address", of: cache).map(\.verdict) == ["pass"], "\(open)")
            }
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounts and name spaces"))
    func aResolverThatIsDeadIsFound() async throws {
        try await withUseHome { home in
            let resolver = try home.directory.write("nameserver 127.0.0.1\n", to: "resolv.conf")
            let report = try await home.doctor(
                ["http://cache.example.net:5000"],
                in: "mount --bind \"$CONF\" /etc/resolv.conf; ip link set lo up; exec \"$@\"",
                with: ["CONF": resolver]
            )
            #expect(report.status == 1)
            #expect(report.one("dns", "fail", "cache.example.net") != nil, "\(report)")
        }
    }

    @Test func aCacheThatIsNearlyFullIsFound() async throws {
        try await withPushSetup(create: ["--public", "--quota", "100MB"]) { setup in
            let token = try await setup.administration.token("team", "push,pull")
            try await withClient(.installed) { pusher in
                try setup.logIn(&pusher, with: token)
                try await setup.push(pusher).requireSuccess()
            }
            try await withUseHome { home in
                let file = try home.daemonFile(port: setup.server.port, state: setup.server.state)
                let roomy = try await home.doctor(config: file)
                #expect(roomy.all("quota", of: "team").map(\.verdict) == ["pass"], "\(roomy)")
                let info = try await setup.administration.info("team")
                let size = try #require(
                    info.firstMatch(of: /"size-bytes":(\d+)/).flatMap { Int($0.1) }
                )
                try await setup.administration.firn(
                    ["cache", "configure", "team", "--quota", "\(size * 20 / 19)B"]
                ).requireSuccess()
                let full = try await home.doctor(config: file)
                #expect(full.one("quota", "warn", "nearly full") != nil, "\(full)")
            }
        }
    }

    @Test func partsOfSeveralVersionsAreFound() async throws {
        let status = """
            {"version":"0.0.9","node":"n","started-at":"2026-01-01T00:00:00Z","tiers":[
            {"name":"p620","state":"down","is-firn":true,"last-failure":"asleep","requests":1,
            "failures":1,"nar-bytes":0,"hits":0,"misses":0,"addresses":[]}],"transfers":[],
            "store-directory":"/nix/store","priority":30,"store":{"hits":0,"misses":0}}
            """
        let reply: @Sendable (ScriptedServer.Request) -> ScriptedServer.Reply = { request in
            switch request.target {
            case "/api/v1/status": .json(status)
            case "/readyz": .answer(status: 200, type: "text/plain", body: "database: ok\n")
            default: .notFound
            }
        }
        try await withScriptedServer(reply: reply) { server in
            try await withUseHome { home in
                let report = try await home.doctor(["--url", server.url])
                #expect(report.one("versions", "warn", "Firn 0.0.9") != nil, "\(report)")
                #expect(report.one("tiers", "warn", "asleep")?.subject == "p620")
            }
        }
    }
}
