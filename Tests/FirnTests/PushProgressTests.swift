// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Push
import Testing
import firn

@Suite struct PushProgressTests {
    private static func path(_ letter: Character) throws -> StorePath {
        try StorePath(parsing: "\(String(repeating: letter, count: 32))-name-\(letter)")
    }

    @Test func theWholeComesFirstAndThenTheLargestPathsUnderWay() throws {
        let start = ContinuousClock.now
        var progress = PushProgress(start: start)
        let (small, large) = try (Self.path("a"), Self.path("b"))
        progress.take(.began(small, narBytes: 1_000))
        progress.take(.began(large, narBytes: 4_000_000))
        progress.take(.read(large, narBytes: 1_000_000))
        progress.take(.sent(large, fileBytes: 500_000))
        let lines = progress.lines(width: 100, now: start + .seconds(2))
        #expect(lines.count == 3)
        #expect(lines[0].hasSuffix("500 kB sent (250 kB/s)"))
        #expect(lines[1] == "[#####---------------] 4.0 MB  name-b")
        #expect(lines[2] == "[--------------------] 1.0 kB  name-a")
        progress.take(.ended(large, .sent(fileBytes: 500_000)))
        #expect(progress.lines(width: 100).count == 2)
        #expect(progress.endedPaths == 1)
    }

    @Test func whatHasToBeSentAgainIsNotCountedTwice() throws {
        var progress = PushProgress()
        let path = try Self.path("a")
        progress.take(.sent(path, fileBytes: 1_000))
        progress.take(.sent(path, fileBytes: -1_000))
        progress.take(.pausing(reason: "busy\u{1B}[2J", .seconds(2)))
        let lines = progress.lines(width: 200)
        #expect(lines[0].contains(" 0 B sent"))
        // Nothing that a server says reaches the terminal as a command.
        #expect(lines.last == "busy [2J; trying again in 2.0 s")
        #expect(progress.lines(width: 10).allSatisfy { $0.count <= 10 })
    }
}
