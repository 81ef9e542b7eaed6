// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Glibc
import NixFormat
import NixStore
import Testing

@Suite struct NARReaderTests {
    @Test(arguments: UInt64(0)..<6)
    func writesTheBytesThatNixWrites(seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            let tree = directory.path("tree")
            try RandomTree.make(at: tree, seed: seed)
            let nar = try await dump(tree)
            let info = try PathInfo(nar: nar)
            for pieces in [[1 << 20], [1, 4096, 7], [nar.count], [nar.count - 1], [65_536, 13]] {
                let reader = try NARReader(info, root: tree)
                #expect(reader.sizeBytes == UInt64(nar.count))
                #expect(try reader.readAll(pieces: pieces) == nar, "pieces \(pieces)")
            }
        }
    }

    @Test(arguments: UInt64(100)..<104)
    func aRangeIsThatSliceOfTheNAR(seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            let tree = directory.path("tree")
            try RandomTree.make(at: tree, seed: seed)
            let nar = try await dump(tree)
            let info = try PathInfo(nar: nar)
            var generator = SeededGenerator(seed: seed)
            for _ in 0..<60 {
                let start = Int.random(in: 0...nar.count, using: &generator)
                let end = Int.random(in: start...nar.count, using: &generator)
                let range = UInt64(start)..<UInt64(end)
                let reader = try NARReader(info, root: tree, range: range)
                #expect(reader.sizeBytes == UInt64(end - start))
                let bytes = try reader.readAll(pieces: [9_999])
                #expect(bytes == Array(nar[start..<end]), "\(range) of seed \(seed)")
            }
        }
    }

    /// Going on from where it is, as one that begins there.
    @Test(arguments: UInt64(200)..<206)
    func whatIsLeftOutChangesNothingOfTheRest(seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            let tree = directory.path("tree")
            try RandomTree.make(at: tree, seed: seed)
            let nar = try await dump(tree)
            let info = try PathInfo(nar: nar)
            var generator = SeededGenerator(seed: seed)
            for _ in 0..<20 {
                let start = Int.random(in: 0...nar.count / 4, using: &generator)
                let all = UInt64(start)..<UInt64(nar.count)
                let reader = try NARReader(info, root: tree, range: all)
                var position = start
                while position < nar.count {
                    let gap = Int.random(in: 0...(nar.count - position) / 3, using: &generator)
                    try reader.skip(UInt64(gap))
                    position += gap
                    let most = Int.random(in: 1...max(1, nar.count / 20), using: &generator)
                    var piece = [UInt8](repeating: 0, count: min(most, nar.count - position))
                    let count = try unsafe piece.withUnsafeMutableBytes {
                        try unsafe reader.fill($0)
                    }
                    #expect(count == piece.count)
                    #expect(piece == Array(nar[position..<position + count]), "seed \(seed)")
                    position += count
                }
                #expect(throws: NARReadError.self) { try reader.skip(1) }
            }
        }
    }

    @Test func aRangeBeyondTheEndIsRefused() throws {
        let info = try PathInfo(nar: [1, 2, 3])
        #expect(throws: NARReadError.self) { try NARReader(info, root: "/", range: 1..<4) }
    }

    @Test func aFileOrASymlinkAloneIsANARToo() async throws {
        try await withTemporaryDirectory { directory in
            try directory.write("alone", to: "file", mode: 0o755)
            try directory.write("", to: "empty")
            let link = directory.path("link")
            #expect(unsafe symlink("/nowhere/at all", link) == 0)
            for name in ["file", "empty", "link"] {
                let nar = try await dump(directory.path(name))
                let reader = try NARReader(PathInfo(nar: nar), root: directory.path(name))
                #expect(try reader.readAll() == nar)
            }
        }
    }

    @Test func aHundredThousandEntriesAreSortedByBytes() async throws {
        try await withTemporaryDirectory { directory in
            let tree = try directory.makeDirectory("tree")
            for number in 0..<100_000 {
                // Links are quick to make, if not more than the file system has for one file.
                if number % 20_000 == 0 { try directory.write("\(number)", to: "one\(number)") }
                let first = directory.path("one\(number / 20_000 * 20_000)")
                // The order of the names is not that of the numbers.
                let second = "\(tree)/\(number &* 7_919 % 100_003)"
                try check(unsafe link(first, second), Array(second.utf8))
            }
            let nar = try await dump(tree)
            let reader = try NARReader(PathInfo(nar: nar), root: tree)
            #expect(try reader.readAll(pieces: [1 << 20]) == nar)
        }
    }

    @Test func depthCostsNoDescriptors() async throws {
        try await withTemporaryDirectory { directory in
            let tree = try directory.makeDirectory("tree")
            let names = (0..<120).map { "d\($0)" }
            try directory.makeDirectory("tree/" + names.joined(separator: "/"))
            for depth in stride(from: 1, to: 120, by: 7) {
                let folder = (["tree"] + names.prefix(depth)).joined(separator: "/")
                try directory.write("\(depth)", to: folder + "/a")
                try directory.write("\(depth)", to: folder + "/z")
            }
            let nar = try await dump(tree)
            let reader = try NARReader(PathInfo(nar: nar), root: tree)
            var mostOpen = 0
            var all: [UInt8] = []
            while let piece = try Optional(reader.read(upTo: 500)), !piece.isEmpty {
                all += piece
                mostOpen = max(mostOpen, try Self.openDirectories(beneath: tree))
            }
            #expect(all == nar)
            #expect(mostOpen <= 18)
        }
    }

    @Test func theEndOfAHugeFileIsReadWithoutItsBeginning() async throws {
        try await withTemporaryDirectory { directory in
            let file = try directory.write("start", to: "huge")
            let size = 6 << 30
            #expect(unsafe truncate(file, size) == 0)
            var framing: [UInt8] = []
            NARWriter.begin(into: &framing)
            NARWriter.beginRegularFile(
                isExecutable: false,
                contentSizeBytes: UInt64(size),
                into: &framing
            )
            var end: [UInt8] = []
            NARWriter.endRegularFile(contentSizeBytes: UInt64(size), into: &end)
            let total = UInt64(framing.count + size + end.count)
            let info = PathInfo(
                id: 1,
                path: try PathInfo(nar: []).path,
                narHash: SHA256Hasher.hash([]),
                narSizeBytes: total
            )
            let reader = try NARReader(info, root: file, range: total - 1_000..<total)
            let expected = [UInt8](repeating: 0, count: 1_000 - end.count) + end
            #expect(try reader.readAll() == expected)
        }
    }

    // MARK: What is wrong

    @Test func oneFlippedByteNeverCountsAsComplete() async throws {
        try await withTemporaryDirectory { directory in
            let tree = try directory.makeDirectory("tree")
            try directory.write(String(repeating: "x", count: 3_000), to: "tree/file")
            let info = try PathInfo(nar: try await dump(tree))
            try FileMaker.flipByte(in: tree + "/file", at: 1_500)
            for piece in [1, 1_024, Int(info.narSizeBytes), 1 << 24] {
                let reader = try NARReader(info, root: tree)
                var received = 0
                let error = #expect(throws: NARReadError.self) {
                    while case let count = try reader.read(upTo: piece).count, count > 0 {
                        received += count
                    }
                }
                #expect(received < Int(info.narSizeBytes))
                guard case .hashMismatch = error else { return #expect(Bool(false), "\(error)") }
                // And it stays that way.
                #expect(throws: NARReadError.self) { try reader.read(upTo: 1) }
            }
        }
    }

    @Test(arguments: [-1, 1])
    func aFileOfAnotherSizeIsASizeMismatch(difference: Int) async throws {
        try await withTemporaryDirectory { directory in
            let file = try directory.write(String(repeating: "y", count: 80_000), to: "file")
            let info = try PathInfo(nar: try await dump(file))
            #expect(unsafe truncate(file, 80_000 + difference * 8) == 0)
            let error = #expect(throws: NARReadError.self) {
                try NARReader(info, root: file).readAll()
            }
            guard case .sizeMismatch = error else { return #expect(Bool(false), "\(error)") }
        }
    }

    @Test func aFileThatShrinksWhileItIsReadIsNoticed() async throws {
        try await withTemporaryDirectory { directory in
            let file = try directory.write(String(repeating: "z", count: 500_000), to: "file")
            let reader = try NARReader(PathInfo(nar: try await dump(file)), root: file)
            #expect(try reader.read(upTo: 1_000).count == 1_000)
            #expect(unsafe truncate(file, 300_000) == 0)
            let error = #expect(throws: NARReadError.self) { try reader.readAll() }
            guard case .shortFile = error else { return #expect(Bool(false), "\(error)") }
        }
    }

    @Test func aPipeIsRefusedAndNotWaitedFor() async throws {
        try await withTemporaryDirectory { directory in
            let tree = try directory.makeDirectory("tree")
            try directory.write("1", to: "tree/file")
            let info = try PathInfo(nar: try await dump(tree))
            #expect(unsafe mkfifo(tree + "/pipe", 0o644) == 0)
            let error = #expect(throws: NARReadError.self) {
                try NARReader(info, root: tree).readAll()
            }
            guard case .unsupportedFile(_, let file) = error else {
                return #expect(Bool(false), "\(error)")
            }
            #expect(file == tree + "/pipe")
        }
    }

    @Test func aPathThatVanishesMeanwhileIsNotDamaged() async throws {
        try await withTemporaryDirectory { directory in
            let tree = try directory.makeDirectory("tree")
            for number in 0..<10 { try directory.write("\(number)", to: "tree/\(number)") }
            let info = try PathInfo(nar: try await dump(tree))
            let reader = try NARReader(info, root: tree)
            #expect(try reader.read(upTo: 200).count == 200)
            try await Command("rm", ["-rf", tree]).run(deadline: .seconds(60)).requireSuccess()
            let error = #expect(throws: NARReadError.self) { try reader.readAll() }
            guard case .pathVanished = error else { return #expect(Bool(false), "\(error)") }
        }
    }

    @Test func anUnreadableSubtreeIsAnError() async {
        // Root may read everything, so the reading is done by nobody.
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let tree = try directory.makeDirectory("tree")
                try directory.makeDirectory("tree/secret")
                try directory.write("x", to: "tree/secret/file")
                let info = try PathInfo(nar: try await dump(tree))
                unsafe chmod(directory.path, 0o755)
                unsafe chmod(tree + "/secret", 0o700)
                asNobody {
                    let error = #expect(throws: NARReadError.self) {
                        try NARReader(info, root: tree).readAll()
                    }
                    guard case .inputOutput(_, _, EACCES) = error else {
                        return #expect(Bool(false), "\(error)")
                    }
                }
            }
        }
    }

    private static func openDirectories(beneath root: String) throws -> Int {
        let names = try directoryNames("/proc/self/fd")
        return names.count { name in
            var target = [UInt8](repeating: 0, count: 8_192)
            let count = unsafe target.withUnsafeMutableBytes {
                unsafe readlink(
                    "/proc/self/fd/\(name)",
                    $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self),
                    $0.count
                )
            }
            guard count > 0 else { return false }
            return target[..<count].starts(with: root.utf8)
        }
    }
}
