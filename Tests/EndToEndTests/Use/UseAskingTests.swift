// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc
import Testing

/// `firn use` where a person sits, and where the person is not root.
@Suite(.fewAtATime)
struct UseAskingTests {
    private static let terminal = "/usr/bin/script"
    private static let hasTerminal = FileManager.default.isExecutableFile(atPath: terminal)
    private static let become = "/usr/bin/setpriv"
    private static let canBecome =
        geteuid() == 0 && FileManager.default.isExecutableFile(atPath: become)

    @Test(.enabled(if: hasTerminal, "script is not installed"), arguments: ["y", "n", ""])
    func aPersonIsAsked(_ answer: String) async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            try await withUseHome { home in
                let answers = try home.directory.write("\(answer)\n", to: "answers")
                let shell = "'\(FirnServer.programme)' use \(setup.url) --user"
                let outcome = try await home.run(
                    Self.terminal,
                    ["--quiet", "--return", "--command", shell, "/dev/null"],
                    inputPath: answers
                )
                #expect(outcome.text.contains("Write it? [y/N]"), "\(outcome)")
                #expect(outcome.status == (answer == "y" ? 0 : 4), "\(outcome)")
                let isThere = FileManager.default.fileExists(atPath: home.userConf)
                #expect(isThere == (answer == "y"))
            }
        }
    }

    @Test(.enabled(if: canBecome, "only root can become somebody else"))
    func whoIsNotTrustedIsTold() async throws {
        try await withPushSetup(create: ["--public"]) { setup in
            try await withUseHome { home in
                // It is only looked whether a daemon is there.
                home.extra["NIX_DAEMON_SOCKET_PATH"] = try home.directory.write("", to: "socket")
                home.extra["TMPDIR"] = "/tmp"
                let all = Command("chown", ["-R", "65534:65534", home.directory.path])
                try await all.run(deadline: .seconds(30)).requireSuccess()
                let words = ["--reuid=65534", "--regid=65534", "--clear-groups"]
                let use = [FirnServer.programme, "use", setup.url, "--yes"]
                // A user who is not root sets up their own.
                let told = try await home.run(Self.become, words + use)
                #expect(told.errors.contains("trusted-users = root"), "\(told)")
                #expect(told.text.contains("+extra-substituters = \(setup.url)"))
                let system = try await home.run(Self.become, words + use + ["--system"])
                #expect(system.status == 0, "\(system)")
                // What the machine allows needs no trust.
                let again = try await home.run(Self.become, words + use + ["--user"])
                #expect(!again.errors.contains("trusted-users"), "\(again)")
            }
        }
    }
}
