// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What `firn use` makes of files that are not as it would have written them.
@Suite(.fewAtATime)
struct UseFilesTests {
    private func withCache(_ body: (PushSetup, String) async throws -> Void) async throws {
        try await withPushSetup { setup in
            try await body(setup, try await setup.administration.token("team", "pull"))
        }
    }

    @Test func anotherTokenForTheHostIsNotHiddenUnasked() async throws {
        try await withCache { setup, token in
            try await withUseHome { home in
                try home.directory.makeDirectory("home/.config/nix")
                let mine = "machine 127.0.0.1 login me password mine\n"
                try home.directory.write(mine, to: "home/.config/nix/netrc", mode: 0o644)
                try home.directory.write(
                    "netrc-file = \(home.netrc)\n",
                    to: "home/.config/nix/nix.conf"
                )
                let before = try home.files()
                let use = [setup.url, "--user", "--yes"]
                let refused = try await home.firn(use, token: token)
                #expect(refused.status == 4 && refused.errors.contains("--force"), "\(refused)")
                #expect(try home.files() == before)
                let forced = try await home.firn(use + ["--force"], token: token).requireSuccess()
                #expect(!forced.text.contains("password mine"))
                #expect(try home.mode(home.netrc) == 0o600)
                #expect(try !home.text(home.userConf).contains("netrc-file = \(home.netrc)\nnetrc"))
                try await home.firn(["--remove"] + use).requireSuccess()
                #expect(try home.files() == before)
                #expect(try home.mode(home.netrc) == 0o644)
            }
        }
    }

    @Test func linesThatWereChangedByHandAreKept() async throws {
        try await withCache { setup, token in
            try await withUseHome { home in
                let use = [setup.url, "--user", "--yes"]
                try await home.firn(use, token: token).requireSuccess()
                let edited = try home.text(home.userConf)
                    .replacing("\nextra-trusted", with: " http://mine\nextra-trusted")
                try Data(edited.utf8).write(to: URL(filePath: home.userConf))
                let refused = try await home.firn(["--remove"] + use)
                #expect(refused.status == 4 && refused.errors.contains("changed by hand"))
                #expect(try home.text(home.userConf) == edited)
                try await home.firn(["--remove", "--force"] + use).requireSuccess()
                #expect(!FileManager.default.fileExists(atPath: home.userConf))
            }
        }
    }

    @Test func aLinkStaysAndItsTargetIsChanged() async throws {
        try await withCache { setup, token in
            try await withUseHome { home in
                try home.directory.makeDirectory("home/.config/nix")
                try home.directory.makeDirectory("home/dotfiles")
                let target = try home.directory.write("max-jobs = 1", to: "home/dotfiles/nix.conf")
                try FileManager.default.createSymbolicLink(
                    atPath: home.userConf,
                    withDestinationPath: "../../dotfiles/nix.conf"
                )
                let use = [setup.url, "--user", "--yes"]
                let used = try await home.firn(use, token: token).requireSuccess()
                #expect(used.text.contains("leads to "))
                #expect(try home.text(target).contains(setup.url))
                try await home.firn(["--remove"] + use).requireSuccess()
                #expect(try home.text(target) == "max-jobs = 1")
                let link = try FileManager.default.destinationOfSymbolicLink(
                    atPath: home.userConf
                )
                #expect(link == "../../dotfiles/nix.conf")
            }
        }
    }

    @Test func whatNixMakesIsNotWritten() async throws {
        try await withCache { setup, token in
            try await withUseHome { home in
                try FileManager.default.removeItem(atPath: home.systemConf)
                try FileManager.default.createSymbolicLink(
                    atPath: home.systemConf,
                    withDestinationPath: "/nix/store/\(String(repeating: "a", count: 32))-nix.conf"
                )
                let use = [setup.url, "--system", "--yes"]
                let refused = try await home.firn(use, token: token)
                #expect(refused.status == 4 && refused.errors.contains("--nixos"), "\(refused)")
                try FileManager.default.removeItem(atPath: home.systemConf)
                try home.directory.makeDirectory("etc/nix.conf")
                #expect(try await home.firn(use, token: token).status == 4)
            }
        }
    }

    @Test func whatIsNotInEffectIsSaid() async throws {
        try await withCache { setup, token in
            try await withUseHome { home in
                home.extra["NIX_CONFIG"] = "substituters = http://other"
                let used = try await home.firn([setup.url, "--user", "--yes"], token: token)
                #expect(used.status == 3, "\(used)")
                #expect(used.errors.contains("substituters lacks \(setup.url)"))
            }
        }
    }

    @Test func aFileThatNixDoesNotReadIsNotTouched() async throws {
        try await withCache { setup, token in
            try await withUseHome { home in
                try home.directory.write("max-jobs\n", to: "etc/nix.conf")
                let used = try await home.firn([setup.url, "--system", "--yes"], token: token)
                #expect(used.status == 4 && used.errors.contains("line 1"), "\(used)")
                #expect(try home.text(home.systemConf) == "max-jobs\n")
            }
        }
    }

    @Test func aModuleIsWrittenAndGoes() async throws {
        try await withCache { setup, token in
            try await withUseHome { home in
                let before = try home.files()
                let out = home.directory.path("home/firn-cache.nix")
                let use = [setup.url, "--nixos", "--out", out, "--yes"]
                let used = try await home.firn(use, token: token).requireSuccess()
                #expect(used.text.contains("imports"))
                #expect(try home.text(out).contains("\"\(setup.publicKey)\""))
                #expect(try home.mode(home.directory.path("etc/netrc")) == 0o600)
                try await home.firn(["--remove"] + use).requireSuccess()
                #expect(try home.files() == before)
            }
        }
    }

    @Test(arguments: [
        [], ["--user"], ["Team!"], ["http://a:b@c"], ["http://a", "--out", "x"], ["cachix:"],
        ["http://a", "--public-key", "x"], ["http://192.0.2.1", "--agent"],
        ["cachix:a", "--agent"],
    ])
    func wrongUsageEndsWithTwo(_ arguments: [String]) async throws {
        try await withUseHome { home in
            let outcome = try await home.firn(arguments)
            #expect(outcome.status == 2, "\(outcome)")
            #expect(!outcome.errors.contains("a:b"))
        }
    }
}
