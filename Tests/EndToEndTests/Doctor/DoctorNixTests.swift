// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What `firn doctor` finds where Nix itself is what is wrong, or nothing answers at all.
@Suite(.fewAtATime)
struct DoctorNixTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// A nix.conf with which Nix does not start.
        var conf: String
        var evidence: String
    }

    static let broken = [
        Broken(
            testDescription: "a line that is none",
            conf: "max-jobs = 1\nfoo\n",
            evidence: "nix.conf: line 2"
        ),
        Broken(
            testDescription: "an include that is missing",
            conf: "include gone.conf\n",
            evidence: "gone.conf, which is not there"
        ),
        Broken(
            testDescription: "a file that includes itself",
            conf: "include nix.conf\n",
            evidence: "include each other"
        ),
    ]

    @Test(arguments: broken)
    func aNixThatDoesNotStartIsFound(_ broken: Broken) async throws {
        try await withUseHome { home in
            try home.directory.write(broken.conf, to: "etc/nix.conf")
            let report = try await home.doctor()
            #expect(report.status == 1, "\(report)")
            let finding = report.one("nix", "fail", "Nix does not start")
            #expect(finding?.evidence.contains(broken.evidence) == true, "\(report)")
            #expect(finding?.remedy?.isEmpty == false)
        }
    }

    @Test func whereThereIsNoNixNothingFails() async throws {
        try await withUseHome { home in
            home.extra["PATH"] = home.directory.path("bin")
            let report = try await home.doctor()
            #expect(report.status == 0 && report.one("nix", "skip", "no nix in PATH") != nil)
        }
    }

    /// A daemon whose host takes no notice, and a packet filter that drops even what this machine sends
    /// to itself.
    @Test(.enabled(if: getuid() == 0, "mounts and name spaces"))
    func whatIsDroppedHoldsNothingUp() async throws {
        try await withUseHome { home in
            let rules = """
                table inet filter {
                    chain input {
                        type filter hook input priority 0; policy drop;
                        ct state established accept
                    }
                }
                """
            let file = try home.directory.write(rules, to: "rules.nft")
            let configuration = try home.directory.write(
                """
                [server]
                listen = ["[::]:5000"]
                state = "\(home.directory.path("state"))"
                """,
                to: "firn.toml"
            )
            let start = ContinuousClock.now
            let report = try await home.doctor(
                [],
                config: configuration,
                in: "ip link set lo up; nft --file \"$RULES\"; exec \"$@\"",
                with: ["RULES": file]
            )
            // The attempt to connect would go on for half a minute by itself.
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(report.one("firewall", "fail", "the policy of inet filter") != nil, "\(report)")
            #expect(report.all("daemon").map(\.verdict) == ["fail"])
            // It starts, and without a network asks nobody.
            #expect(report.one("nix", "fail", "substitute = false") != nil, "\(report)")
        }
    }

    /// A resolver that takes questions and says nothing: whatever is asked for takes the same few
    /// seconds, since all is asked at once.
    @Test(.enabled(if: getuid() == 0, "mounts and name spaces"))
    func aResolverThatSaysNothingHoldsNothingUp() async throws {
        try await withUseHome { home in
            let resolver = try home.directory.write("nameserver 10.9.8.6\n", to: "resolv.conf")
            let names = ["one", "two", "three", "four"]
            let start = ContinuousClock.now
            let report = try await home.doctor(
                names.map { "cachix:\($0)" } + ["http://cache.example.net:5000"],
                in: """
                    ip link set lo up
                    ip link add here type veth peer name there
                    ip address add 10.9.8.7/24 dev here
                    ip link set here up; ip link set there up
                    ip neighbour add 10.9.8.6 lladdr 02:00:00:00:00:06 dev here
                    mount --bind "$CONF" /etc/resolv.conf
                    exec "$@"
                    """,
                with: ["CONF": resolver]
            )
            // One after the other they take half a minute.
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(report.one("dns", "fail", "no answer within") != nil, "\(report)")
            #expect(report.all("cachix").map(\.subject) == names.map { "cachix:\($0)" })
        }
    }
}
