// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What the deployer writes down and says of itself, with an ssh of which nobody answers.
@Suite struct DeployRecordsTests {
    @Test(arguments: [
        ["deploy", "samsung"], ["deploy", "--retry"], ["deploy", "--queued"],
        ["rollback", "samsung"], ["report"],
    ])
    func aStateFolderThatCannotBeUsedIsAnErrorBeforeAnythingBegins(
        _ arguments: [String]
    ) async throws {
        try await withDeployer { deployer in
            try deployer.directory.write("a file", to: "state")
            let outcome = try await deployer.firn(arguments)
            #expect(outcome.status == 1)
            let place = deployer.directory.path("state")
            #expect(
                outcome.errors
                    == "firn: the state folder cannot be used: \(place): not a directory; give a"
                    + " folder of your own as server.state or in $FIRN_STATE\n"
            )
            #expect(outcome.output.isEmpty)
            #expect(!deployer.wasAsked)
        }
    }

    @Test func anIntentThatCannotBeWrittenDownIsToldAsThat() async throws {
        try await withDeployer { deployer in
            try deployer.directory.makeDirectory("state/fleet/queue/samsung.json/x")
            let outcome = try await deployer.firn(["deploy", "samsung", "--offline", "queue"])
            #expect(outcome.status == 1)
            #expect(
                outcome.text.contains(
                    "it is away, and could not be queued: the state folder cannot be used: "
                ),
                "\(outcome.text)"
            )
            #expect(outcome.text.contains("/samsung.json: is a directory"), "\(outcome.text)")
            // Nothing of it is in the words of a library.
            #expect(!outcome.text.contains("NSCocoa"))
        }
    }

    @Test func aHostThatNobodyReachedHasNoBytesAndIsLeftOver() async throws {
        try await withDeployer { deployer in
            let outcome = try await deployer.firn(["deploy", "samsung"])
            #expect(outcome.status == 5)
            #expect(
                outcome.text.contains("unreachable: ssh: connect to host samsung: no route\n"),
                "\(outcome.text)"
            )
            let receipts = try await deployer.firn(["report", "samsung", "--json"])
            #expect(receipts.lines.count == 1)
            #expect(!receipts.text.contains("deployer-bytes"), "\(receipts.text)")
            let left = try String(
                contentsOfFile: deployer.directory.path("state/fleet/left.json"),
                encoding: .utf8
            )
            #expect(left == "[\"samsung\"]")
            let preview = try await deployer.firn(["deploy", "--retry", "--dry-run"])
            #expect(preview.status == 5)
            // Where nothing is done, nothing is done better either.
            #expect(try await deployer.firn(["deploy", "--retry"]).status == 5)
        }
    }

    @Test func withoutSSHThisMachineIsToBlame() async throws {
        try await withDeployer { deployer in
            try FileManager.default.removeItem(atPath: deployer.directory.path("bin/ssh"))
            let outcome = try await deployer.firn(["deploy", "samsung"])
            #expect(outcome.status == 1)
            #expect(outcome.text.contains("ssh could not be run: it is not in $PATH; install"))
        }
    }

    @Test(arguments: [
        (["deploy", "../x"], "\"../x\" begins with \".\""),
        (["deploy", "--", "-x"], "\"-x\" begins with \"-\""),
        (["report", "../x"], "\"../x\" begins with \".\""),
        (["deploy", "--on", "latop"], "did you mean the tag \"@laptop\"?"),
        (["report", "samsumg"], "there is no host \"samsumg\"; did you mean \"samsung\"?"),
        (["rollback", "samsung", "--to", "-1"], "--to takes a generation's number"),
        (["deploy", "samsung", "--parallel", "-1"], "--parallel is a number from 1 to 256"),
    ])
    func whatIsWrongWithAWordIsSaid(_ arguments: [String], _ text: String) async throws {
        try await withDeployer { deployer in
            let outcome = try await deployer.firn(arguments)
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains(text), "\(outcome.errors)")
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
            #expect(!deployer.wasAsked)
        }
    }

    @Test func theQuestionBeforeAnEmergencyHasALineOfItsOwn() async throws {
        try await withDeployer { deployer in
            let outcome = try await deployer.firn(["deploy", "samsung", "--emergency"])
            #expect(outcome.status == 4)
            #expect(outcome.errors.contains("go on: \nfirn: nothing was done"), "\(outcome.errors)")
        }
    }
}

/// A machine with a configuration, a state folder, and in `PATH` nothing but an ssh of ours.
private struct Deployer {
    let directory: TemporaryDirectory

    func firn(_ arguments: [String]) async throws -> CommandOutcome {
        var command = Command(FirnServer.programme, arguments)
        command.environment["PATH"] = directory.path("bin")
        command.environment["FIRN_CONFIG"] = directory.path("firn.toml")
        command.inputPath = "/dev/null"
        return try await command.run(deadline: .seconds(60))
    }

    var wasAsked: Bool { FileManager.default.fileExists(atPath: directory.path("asked")) }
}

private func withDeployer(_ body: (Deployer) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        try directory.makeDirectory("bin")
        // As the real one ends its lines.
        try directory.write(
            """
            #!/bin/sh
            : >'\(directory.path("asked"))'
            printf 'ssh: connect to host samsung: no route\\r\\n' >&2
            exit 255

            """,
            to: "bin/ssh",
            mode: 0o755
        )
        try directory.write(
            """
            [server]
            state = "\(directory.path("state"))"
            [hosts.samsung]
            tags = ["laptop"]
            configuration = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nixos-system-samsung-1"

            """,
            to: "firn.toml"
        )
        try await body(Deployer(directory: directory))
    }
}
