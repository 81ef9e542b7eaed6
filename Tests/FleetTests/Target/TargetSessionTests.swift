// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Foundation
import NixFormat
import Synchronization
import Testing

/// The programme and its answers, on a machine that is a folder.
@Suite struct TargetSessionTests {
    private static let system = "0123456789abcdfghijklmnpqrsvwxyz-nixos-system-samsung-1"

    @Test func factsAreReadInOneRequest() async throws {
        try await withTemporaryDirectory { directory in
            let places = try TargetPlaces(in: directory)
            let path = try directory.makeDirectory("store/\(Self.system)")
            try directory.write("riscv64-linux", to: "store/\(Self.system)/system")
            let manager = FileManager.default
            for link in ["run/current-system", "run/booted-system", "profiles/system-7-link"] {
                try manager.createSymbolicLink(
                    atPath: directory.path(link),
                    withDestinationPath: path
                )
            }
            try manager.createSymbolicLink(
                atPath: directory.path("profiles/system"),
                withDestinationPath: "system-7-link"
            )
            for (name, lines) in [
                "mouse": ["type": "Battery", "scope": "Device"],
                "BAT0": ["type": "Battery"], "AC": ["type": "Mains", "online": "0"],
            ] {
                try directory.makeDirectory("power/\(name)")
                for (file, line) in lines {
                    try directory.write(line + "\n", to: "power/\(name)/\(file)")
                }
            }
            let shell = FolderShell()
            let facts = try await TargetSession(shell: shell, places: places).facts(asRoot: false)
            let expected = try StorePath(parsing: Self.system)
            #expect(facts.running == expected)
            #expect(facts.booted == expected)
            #expect(facts.profile == expected)
            #expect(facts.generation == 7)
            #expect(facts.generations.map(\.number) == [7])
            #expect(facts.generations.first?.made != nil)
            #expect(facts.system == "riscv64-linux")
            #expect(facts.isOnBattery == true)
            #expect(facts.storeFreeBytes ?? 0 > 0)
            #expect(facts.nixVersion?.contains(".") == true)
            #expect(facts.bootIdentifier?.count == 36)
            #expect(!facts.needsRestart)
            #expect(shell.scripts.all.withLock(\.count) == 1)
            // Looking leaves nothing behind.
            #expect(!manager.fileExists(atPath: places.state))
        }
    }

    /// Nix on the host is told to ask it, by whatever name.
    @Test(arguments: [
        ("substituters = https://nixos http://127.0.0.1:5000?priority=1 http://p620", true),
        ("substituters =\nextra-substituters = http://[::1]:5000", true),
        ("substituters = https://localhost:5000", true), ("substituters = http://p620:5000", false),
        ("extra-trusted-substituters = http://127.0.0.1:5000", false),
        ("substituters = http://127.0.0.1:5000/';touch", false),
    ])
    func theFirnOnAHostIsFoundByWhatItsNixAsks(_ line: String, _ isThere: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let config = try directory.write(line + "\n", to: "config")
            let nix = """
                #!/bin/sh
                case $* in *show-config*) cat \(config) ;; *) exit 1 ;; esac

                """
            let bin = try directory.makeDirectory("bin")
            try directory.write(nix, to: "bin/nix", mode: 0o755)
            let shell = FolderShell(folder: bin)
            let session = TargetSession(shell: shell, places: try TargetPlaces(in: directory))
            let facts = try await session.facts(asRoot: false)
            #expect((facts.agentAddress != nil) == isThere, "\(facts.agentAddress ?? "none")")
        }
    }

    /// A folder without any system is not mistaken for one that has what is wanted.
    @Test func whatIsNotThereIsAbsent() async throws {
        try await withTemporaryDirectory { directory in
            let places = try TargetPlaces(in: directory)
            let session = TargetSession(shell: FolderShell(), places: places)
            let facts = try await session.facts(asRoot: false)
            #expect(facts.running == nil)
            #expect(facts.booted == nil)
            #expect(facts.profile == nil)
            #expect(facts.generation == nil)
            #expect(facts.generations.isEmpty)
            #expect(facts.lease == nil)
            #expect(facts.isOnBattery == nil)
            #expect(facts.system?.hasSuffix("-linux") == true)
        }
    }

    @Test func theProgrammeTravelsOnce() async throws {
        try await withTemporaryDirectory { directory in
            let shell = FolderShell()
            let session = TargetSession(shell: shell, places: try TargetPlaces(in: directory))
            let token = DeployToken()
            _ = try await session.takeLease(token, for: "olaf@p620")
            try await session.renewLease(token)
            try await session.release(token)
            let sizes = shell.scripts.all.withLock { $0.map(\.utf8.count) }
            #expect(sizes.count == 4)
            #expect(sizes.max() ?? 0 < 32_000)
            #expect(sizes.count { $0 < 1500 } == 3)
        }
    }

    /// Debian's `sh` is dash; NixOS has bash under that name.
    @Test(arguments: [["dash", "-n"], ["bash", "--posix", "-n"]])
    func theProgrammeIsPlainShell(_ words: [String]) async throws {
        try await withTemporaryDirectory { directory in
            let shell = FolderShell()
            let session = TargetSession(shell: shell, places: try TargetPlaces(in: directory))
            _ = try await session.facts(asRoot: false)
            _ = try await session.takeLease(DeployToken(), for: "olaf@p620")
            for (index, script) in shell.scripts.all.withLock({ $0 }).enumerated() {
                let file = try directory.write(script, to: "script-\(index)")
                try await Command(words[0], Array(words.dropFirst()) + [file])
                    .run(deadline: .seconds(30)).requireSuccess()
            }
        }
    }

    @Test func textFromElsewhereIsOnlyText() async throws {
        try await withTemporaryDirectory { directory in
            let session = TargetSession(
                shell: FolderShell(),
                places: try TargetPlaces(in: directory)
            )
            let who = "o'laf $(touch \(directory.path("made"))) `id` \\ \"x\"@p620"
            let token = DeployToken()
            _ = try await session.takeLease(token, for: "\(who)\nboot 1")
            let lease = try #require(try await session.facts(asRoot: false).lease)
            #expect(lease.who == "\(who) boot 1")
            #expect(lease.token == token)
            #expect(!FileManager.default.fileExists(atPath: directory.path("made")))
        }
    }

    @Test func theFolderBelongsToItsUserAlone() async throws {
        try await withTemporaryDirectory { directory in
            let places = try TargetPlaces(in: directory)
            let session = TargetSession(shell: FolderShell(), places: places)
            let token = DeployToken()
            _ = try await session.takeLease(token, for: "olaf@p620")
            let manager = FileManager.default
            func mode(_ path: String) throws -> Int? {
                try manager.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            }
            #expect(try mode(places.state) == 0o711)
            #expect(try mode("\(places.state)/\(token)") == 0o700)
            #expect(try mode("\(places.state)/programmes") == 0o700)

            // Somebody else's folder could hold somebody else's programme.
            try await session.release(token)
            try manager.removeItem(atPath: places.state)
            try manager.createSymbolicLink(
                atPath: places.state,
                withDestinationPath: try directory.makeDirectory("elsewhere")
            )
            await #expect(throws: TargetError.self) {
                try await session.takeLease(token, for: "olaf@p620")
            }
        }
    }

    @Test func anAnswerThatIsNoneIsAnError() async throws {
        let garbled = [
            RemoteAnswer("", errors: "sh: 1: cannot fork\n", exitCode: 2),
            RemoteAnswer("Welcome to samsung!\n"), RemoteAnswer("running \n"),
        ]
        for answer in garbled {
            let session = TargetSession(shell: ScriptedShell { _ in answer })
            await #expect(throws: TargetError.self) { try await session.facts(asRoot: false) }
        }
        let session = TargetSession(shell: ScriptedShell { _ in RemoteAnswer("missing\nend\n") })
        await #expect(throws: TargetError.self) { try await session.renewLease(DeployToken()) }
    }

    /// Lines that nobody knows are passed over, and none of them is taken for a system.
    @Test func damagedFactsAreAbsent() async throws {
        let text = """
            uid x
            running /nix/store/short
            profile relative
            generation
            kept 1 2
            lease held x y z
            unsettled ../../etc now
            lineage x
            outcome short ending=done
            store-free many
            novelty 7
            end

            """
        let session = TargetSession(shell: ScriptedShell { _ in RemoteAnswer(text) })
        let facts = try await session.facts(asRoot: true)
        #expect(!facts.isRoot)
        #expect(facts.running == nil)
        #expect(facts.profile == nil)
        #expect(facts.generations.isEmpty)
        #expect(facts.lease == nil)
        #expect(facts.unsettled.isEmpty)
        #expect(facts.lineages.isEmpty)
        #expect(facts.lastOutcome == nil)
        #expect(facts.storeFreeBytes == nil)
    }

    @Test func aTokenIsNothingElse() {
        #expect(DeployToken(parsing: DeployToken().description) != nil)
        for text in ["", "short", "../../../etc/x", "ABCDEFGH12", "abcdefgh\n", "a b c d e f"] {
            #expect(DeployToken(parsing: text) == nil, "\(text)")
        }
    }
}
