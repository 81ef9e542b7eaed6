// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// `make install` and `make uninstall`.
@Suite(.fewAtATime)
struct InstallTests {
    private static let source = URL(filePath: #filePath).appending(path: "../../..")
        .standardizedFileURL.path()

    private func make(_ target: String, _ directory: TemporaryDirectory) async throws {
        let words = [
            "--directory", Self.source, "--no-print-directory", target, "PREFIX=/usr",
            "DESTDIR=\(directory.path)", "BINARY=\(FirnServer.programme)",
        ]
        try await Command("make", words).run(deadline: .seconds(120)).requireSuccess()
    }

    @Test func whatIsInstalledWorksAndGoesAgain() async throws {
        try await withTemporaryDirectory { directory in
            try directory.write("mine", to: "other")
            try await make("install", directory)
            let binary = directory.path("usr/bin/firn")
            let version = try await Command(binary, ["--version"]).run(deadline: .seconds(30))
            #expect(version.text.hasPrefix("firn "))
            try await checkManuals(binary, directory)
            try await checkCompletions(directory)
            let unit = directory.path("usr/lib/systemd/system/firn.service")
            let text = try String(contentsOfFile: unit, encoding: .utf8)
            #expect(text.contains("\nExecStart=/usr/bin/firn serve\n"))
            #expect(!text.contains("/usr/local"))

            try await make("uninstall", directory)
            let left = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
            let files = left.filter { name in
                var isFolder: ObjCBool = false
                _ = unsafe FileManager.default.fileExists(
                    atPath: directory.path(name),
                    isDirectory: &isFolder
                )
                return !isFolder.boolValue
            }
            #expect(files == ["other"])
        }
    }

    /// With the binary of these tests in place of one that has the runtime in it, which takes a release
    /// build; `scripts/try-dist` tries that one.
    @Test func theTarballHasWhatIsInstalledAndIsWhole() async throws {
        try await withTemporaryDirectory { directory in
            let words = [
                "--directory", Self.source, "--no-print-directory", "dist",
                "DIST=\(directory.path)", "STATIC=\(FirnServer.programme)", "XZ_OPT=-0",
            ]
            try await Command("make", words).run(deadline: .seconds(150)).requireSuccess()
            let version = try await Command(FirnServer.programme, ["--version"])
                .run(deadline: .seconds(30)).text.replacing("firn ", with: "")
            let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            let tarball = try #require(files.first { $0.hasSuffix(".tar.xz") })
            #expect(tarball.hasPrefix("firn-\(version)-linux-"))
            #expect(files.sorted() == [tarball, "\(tarball).sha256"])
            let check =
                "cd \"$0\" && sha256sum --check --quiet *.sha256 && mkdir local"
                + " && tar --extract --file *.tar.xz --directory local --strip-components 1"
            try await Command("sh", ["-c", check, directory.path])
                .run(deadline: .seconds(120)).requireSuccess()
            let unpacked = try FileManager.default.subpathsOfDirectory(
                atPath: directory.path("local")
            )
            for file in [
                "bin/firn", "share/man/man1/firn-push.1", "lib/systemd/system/firn.socket",
                "share/bash-completion/completions/firn", "LICENSE", "README.md",
            ] {
                #expect(unpacked.contains(file), "no \(file)")
            }
            let unit = directory.path("local/lib/systemd/system/firn.service")
            let text = try String(contentsOfFile: unit, encoding: .utf8)
            #expect(text.contains("\nExecStart=/usr/local/bin/firn serve\n"))
        }
    }

    /// What the binary needs is in the image, and what the image copies is there.
    @Test func theContainerHasWhatTheTarballNeeds() async throws {
        let file = "\(Self.source)/Containerfile"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let needs = try await Command("make", ["--silent", "-C", Self.source, "dist-needs"])
            .run(deadline: .seconds(60)).requireSuccess().text.split(separator: " ")
        #expect(needs.count > 3)
        for package in needs { #expect(text.contains(" \(package)"), "no \(package)") }
        // All that the binary is linked with comes from one of them, from C's library or from Swift.
        let libraries = try await Command("ldd", [FirnServer.programme])
            .run(deadline: .seconds(30)).requireSuccess().lines
            .filter { !$0.contains("swift") && !$0.contains("/libFoundation") }
        let known = ["bz2", "lzma", "sqlite3", "stdc++", "zstd", "z."]
        let ofC = ["linux-vdso", "ld-linux", "libm.", "libc.", "libgcc_s", "libpthread"]
        let ofSwift = ["libdispatch", "libBlocksRuntime", "_FoundationICU"]
        for line in libraries {
            let name = line.trimmingCharacters(in: .whitespaces)
            let isKnown =
                known.contains { name.hasPrefix("lib\($0)") }
                || (ofC + ofSwift).contains { name.contains($0) }
            #expect(isKnown, "nothing brings \(name)")
        }
    }

    /// Each command has one, which troff reads without a word.
    private func checkManuals(_ binary: String, _ directory: TemporaryDirectory) async throws {
        let folder = directory.path("usr/share/man/man1")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        let help = try await Command(binary, ["--help"]).run(deadline: .seconds(30)).text
        let commands = try #require(help.split(separator: "SUBCOMMANDS:").last)
            .matches(of: /(?m)^  ([a-z-]+)[ ]/).map { "firn-\($0.1).1" }
        #expect(commands.count > 10)
        for name in ["firn.1"] + commands where name != "firn-help.1" {
            #expect(names.contains(name), "no \(name)")
        }
        for name in names {
            let words = ["-K", "utf8", "-man", "-ww", "-Tutf8", "\(folder)/\(name)"]
            let page = try await Command("groff", words).run(deadline: .seconds(60))
            #expect(page.status == 0 && page.errors.isEmpty, "\(name): \(page.errors)")
            #expect(
                page.text.contains("EXAMPLES") || page.text.contains("E\u{8}EX\u{8}X"),
                "\(name)"
            )
        }
    }

    private func checkCompletions(_ directory: TemporaryDirectory) async throws {
        let share = directory.path("usr/share")
        let script = """
            source "$0" && complete -p firn >/dev/null
            COMP_WORDS=(firn doc) COMP_CWORD=1 COMP_LINE='firn doc' COMP_POINT=8
            "$(complete -p firn | sed 's/.*-F \\([^ ]*\\).*/\\1/')" firn doc firn
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let file = "\(share)/bash-completion/completions/firn"
        let bash = try await Command("bash", ["-c", script, file]).run(deadline: .seconds(30))
        #expect(bash.lines.contains { $0.hasPrefix("doctor") }, "\(bash.text) \(bash.errors)")
        let zsh = try String(contentsOfFile: "\(share)/zsh/site-functions/_firn", encoding: .utf8)
        #expect(zsh.hasPrefix("#compdef firn"))
        let fish = "\(share)/fish/vendor_completions.d/firn.fish"
        #expect(try String(contentsOfFile: fish, encoding: .utf8).contains("doctor"))
    }
}
