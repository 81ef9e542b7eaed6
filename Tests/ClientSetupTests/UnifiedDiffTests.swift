// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import FirnTestSupport
import Foundation
import Testing

@Suite struct UnifiedDiffTests {
    /// What is shown is what is done.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func patchMakesTheNewTextOfTheOldOne(_ seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let old = text(&random)
        let new = random.onceIn(3) ? old + text(&random) : text(&random)
        let lines = UnifiedDiff.lines(from: old, to: new, path: "file")
        guard old != new else {
            #expect(lines.isEmpty)
            return
        }
        try await withTemporaryDirectory { directory in
            let file = directory.path("file")
            try Data(old).write(to: URL(filePath: file))
            let patch = try directory.write(lines.joined(separator: "\n") + "\n", to: "patch")
            let command = Command("patch", ["--silent", "--posix", "-p0", file, patch])
            try await command.run(deadline: .seconds(30)).requireSuccess()
            let made = FileManager.default.contents(atPath: file).map { Array($0) } ?? []
            #expect(made == new, "seed \(seed)")
        }
    }

    @Test func aFileThatIsMadeAndOneThatGoesAreNamed() {
        let text = Array("a\n".utf8)
        #expect(
            UnifiedDiff.lines(from: nil, to: text, path: "/f")
                == ["--- /dev/null", "+++ /f", "@@ -0,0 +1,1 @@", "+a"]
        )
        #expect(
            UnifiedDiff.lines(from: text, to: nil, path: "/f")
                == ["--- /f", "+++ /dev/null", "@@ -1,1 +0,0 @@", "-a"]
        )
    }

    private func text(_ random: inout SeededRandom) -> [UInt8] {
        let lines = (0..<Int.random(in: 0...12, using: &random)).map { _ in
            random.pick(["a", "b", "c", ""])
        }
        let text = lines.joined(separator: "\n") + (random.onceIn(3) ? "" : "\n")
        return Array(text.utf8)
    }
}
