// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing
import firn

/// What the pages tell a user to write.
@Suite struct DocumentationTests {
    private static let root = URL(filePath: #filePath).appending(path: "../../..")
        .standardizedFileURL

    private static var pages: [String] {
        let docs = root.appending(path: "docs").path()
        let inner = (try? FileManager.default.subpathsOfDirectory(atPath: docs)) ?? []
        return ["README.md"] + inner.filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }.sorted()
    }

    @Test(arguments: pages)
    func everyExampleOfAConfigurationIsValid(_ page: String) async throws {
        let text = try String(contentsOf: Self.root.appending(path: page), encoding: .utf8)
        for block in text.matches(of: /(?s)\n( *)```toml\n(.*?)```/) {
            // Inside of a list the block is indented.
            let toml = block.2.replacing("\n\(block.1)", with: "\n")
            try await withTemporaryDirectory { folder in
                var loader = ConfigurationLoader(
                    environment: [:],
                    currentDirectory: folder.path,
                    isRoot: true,
                    processID: 1,
                    fileExists: { _ in true }
                )
                loader.namedFile = try folder.write(String(toml), to: "firn.toml")
                _ = try loader.load()
            }
        }
    }

    private static var hasSystemd: Bool {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")
    }

    @Test(.enabled(if: hasSystemd, "systemd is not installed"))
    func systemdAcceptsTheUnits() async throws {
        try await withTemporaryDirectory { folder in
            var units: [String] = []
            for name in ["firn.service", "firn.socket"] {
                let url = Self.root.appending(path: "examples/systemd/\(name)")
                let text = try String(contentsOf: url, encoding: .utf8)
                // It is not installed where the tests run, and systemd looks.
                let runnable = text.replacing("/usr/local/bin/firn", with: FirnServer.programme)
                units.append(try folder.write(runnable, to: name))
            }
            let verify = Command("systemd-analyze", ["verify", "--man=no"] + units)
            let outcome = try await verify.run(deadline: .seconds(30)).requireSuccess()
            #expect(outcome.errors.isEmpty)
        }
    }
}
