// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import FleetTestSupport
import Foundation
import Testing

/// A network card that is asleep, and the packet that it waits for, on a real network.
@Suite(.fewAtATime) struct WakeTests {
    /// Prints what comes to the port of magic packets until one for the address has come.
    static let card = """
        use Socket;
        my $want = pack("H*", join("", split(/:/, $ARGV[0])));
        socket(my $in, AF_INET, SOCK_DGRAM, 0) or die $!;
        setsockopt($in, SOL_SOCKET, SO_REUSEADDR, 1);
        bind($in, sockaddr_in(9, INADDR_ANY)) or die $!;
        $| = 1;
        print "ready\\n";
        while (recv($in, my $packet, 2000, 0)) {
            print length($packet), "\\n";
            last if $packet eq ("\\xFF" x 6) . ($want x 16);
        }
        print "woken\\n";
        """

    @Test func theBuilderSleepsUntilThePacketArrives() async throws {
        var builder = NamespaceHost.Plan("p620")
        builder.startsAsleep = true
        try await withNamespaceFleet(["razer", builder]) { fleet in
            let (razer, p620) = (fleet["razer"], fleet["p620"])
            let heard = try fleet.directory.write("", to: "heard")
            let output = try #require(FileHandle(forWritingAtPath: heard))
            let card = try p620.listener("perl", ["-e", Self.card, p620.mac])
                .start(output: output, errors: output)
            defer { card.send(signal: SIGKILL) }
            try await wait(for: "a card that listens") { try text(heard).contains("ready") }
            let configuration = """
                [hosts.p620]
                user = "root"
                mac = "\(p620.mac)"
                """
            try fleet.directory.write(configuration, to: "wake.toml")
            let file = fleet.directory.path("wake.toml")
            #expect(!p620.isOn)
            async let waking = razer.command(
                FirnServer.programme,
                ["wake", "p620", "--config", file, "--json"]
            ).run(deadline: .seconds(120))
            try await wait(for: "a magic packet", within: .seconds(60)) {
                try text(heard).contains("woken")
            }
            try await p620.powerOn()
            let outcome = try await waking
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try text(heard).contains("102\n"))
            // Again, it answers at once.
            try await razer.run(FirnServer.programme, ["wake", "p620", "--config", file])
        }
    }

    @Test func aHostThatDoesNotWakeIsGivenUpAtTheDeadline() async throws {
        var builder = NamespaceHost.Plan("p620")
        builder.startsAsleep = true
        try await withNamespaceFleet(["razer", builder]) { fleet in
            let configuration = """
                [deploy]
                wake-timeout = "2s"
                [hosts.p620]
                user = "root"
                mac = "\(fleet["p620"].mac)"
                [hosts.nomac]
                user = "root"
                """
            try fleet.directory.write(configuration, to: "wake.toml")
            let file = fleet.directory.path("wake.toml")
            let outcome = try await fleet["razer"].command(
                FirnServer.programme,
                ["wake", "p620", "--config", file]
            ).run(deadline: .seconds(120))
            #expect(outcome.status == 5)
            #expect(outcome.errors.contains("did not answer"), "\(outcome.errors)")
            let without = try await fleet["razer"].command(
                FirnServer.programme,
                ["wake", "nomac", "--config", file]
            ).run(deadline: .seconds(120))
            #expect(without.status == 2)
            #expect(without.errors.contains("mac"), "\(without.errors)")
        }
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }
}
