// SPDX-License-Identifier: Apache-2.0

import NixFormat
import Testing

/// Hostile NARs: what is refused, and at which byte.
@Suite struct NARRefusalTests {
    private typealias Failure = NARParser.ParseError

    /// A NAR from strings, framed and padded, with raw bytes where a string is not enough.
    private static func nar(_ parts: Part...) -> [UInt8] {
        parts.reduce(into: []) { $0 += $1.bytes }
    }

    enum Part: ExpressibleByStringLiteral {
        case string([UInt8])
        case raw([UInt8])
        case number(UInt64)

        init(stringLiteral text: String) { self = .string(Array(text.utf8)) }

        var bytes: [UInt8] {
            switch self {
            case .string(let bytes):
                Part.number(UInt64(bytes.count)).bytes + bytes
                    + Array(repeating: 0, count: -bytes.count & 7)
            case .raw(let bytes): bytes
            case .number(let number):
                (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
            }
        }
    }

    private func expect(_ expected: Failure, _ parts: Part..., line: Int = #line) {
        let bytes = parts.reduce(into: []) { $0 += $1.bytes }
        for size in [Int.max, 1, 5] {
            #expect(throws: expected, "line \(line), pieces of \(size)") {
                try readNAR(bytes, pieceBytes: size)
            }
        }
    }

    @Test func magicIsChecked() {
        expect(.notAnArchive, "nix-archive-2")
        expect(.notAnArchive, "nix")
        expect(.notAnArchive, .number(1 << 63))
        expect(.notAnArchive, .raw(Array("{\"hello\": \"world\"}".utf8)))
        expect(.truncated(byteOffset: 0))
    }

    @Test func wordsAreChecked() {
        let magic: Part = "nix-archive-1"
        expect(.unexpectedWord(expected: ["("], byteOffset: 24), magic, ")")
        expect(.unexpectedWord(expected: ["type"], byteOffset: 40), magic, "(", "name")
        expect(
            .unexpectedWord(expected: ["regular", "symlink", "directory"], byteOffset: 56),
            magic,
            "(",
            "type",
            "fifo"
        )
        expect(
            .unexpectedWord(expected: ["executable", "contents"], byteOffset: 72),
            magic,
            "(",
            "type",
            "regular",
            ")"
        )
        expect(
            .tooLong(actualBytes: 1, maximumBytes: 0, byteOffset: 96),
            magic,
            "(",
            "type",
            "regular",
            "executable",
            "x"
        )
        expect(
            .unexpectedWord(expected: [")"], byteOffset: 96),
            magic,
            "(",
            "type",
            "regular",
            "contents",
            "",
            "contents"
        )
        expect(
            .unexpectedWord(expected: ["entry", ")"], byteOffset: 80),
            magic,
            "(",
            "type",
            "directory",
            "name"
        )
    }

    @Test(arguments: [1 << 63, UInt64.max, 1 << 40, 33]) func hugeWordsAreRefused(_ size: UInt64) {
        let expected = Failure.tooLong(actualBytes: size, maximumBytes: 32, byteOffset: 24)
        expect(expected, "nix-archive-1", .number(size))
    }

    @Test func hugeNamesTargetsAndFilesAreRefused() {
        let sizes: [UInt64] = [1 << 63, .max]
        for size in sizes {
            expect(
                .tooLong(actualBytes: size, maximumBytes: 255, byteOffset: 128),
                "nix-archive-1",
                "(",
                "type",
                "directory",
                "entry",
                "(",
                "name",
                .number(size)
            )
            expect(
                .tooLong(actualBytes: size, maximumBytes: 4095, byteOffset: 88),
                "nix-archive-1",
                "(",
                "type",
                "symlink",
                "target",
                .number(size)
            )
            expect(
                .tooLong(actualBytes: size, maximumBytes: 1 << 63 - 1, byteOffset: 88),
                "nix-archive-1",
                "(",
                "type",
                "regular",
                "contents",
                .number(size)
            )
        }
        // The largest file is not refused, and needs no memory.
        expect(
            .truncated(byteOffset: 96),
            "nix-archive-1",
            "(",
            "type",
            "regular",
            "contents",
            .number(1 << 63 - 1)
        )
    }

    @Test(arguments: ["", ".", "..", "a/b", "/", "a\0", "\0"])
    func namesThatLeadElsewhereAreRefused(_ name: String) {
        expect(
            .invalidName(Array(name.utf8), byteOffset: 128),
            "nix-archive-1",
            "(",
            "type",
            "directory",
            "entry",
            "(",
            "name",
            .string(Array(name.utf8))
        )
    }

    @Test func namesAndTargetsOfTheFullLengthAreTaken() throws {
        let name = [UInt8](repeating: 0xFF, count: 255)
        let target = [UInt8](repeating: 0xFF, count: 4095)
        let tree = Tree.directory([Tree.Entry(name: name, node: .symlink(target: target))])
        #expect(try readNAR(tree.nar).count == 6)
    }

    @Test func entriesMustBeSortedAndDifferent() {
        func directory(_ names: String...) -> [UInt8] {
            Tree.directory(
                names.map { Tree.Entry(name: Array($0.utf8), node: .symlink(target: [1])) }
            ).nar
        }
        // Each entry has 192 bytes, and its name starts 48 bytes into it.
        expect(.unsortedName([0x61], byteOffset: 80 + 192 + 48), .raw(directory("b", "a")))
        expect(.duplicateName([0x61], byteOffset: 80 + 192 + 48), .raw(directory("a", "a")))
        expect(.unsortedName([0x42], byteOffset: 80 + 192 + 48), .raw(directory("a", "B")))
        expect(.unsortedName([0x61], byteOffset: 80 + 192 + 48), .raw(directory("aa", "a")))
    }

    @Test func targetsAreChecked() {
        expect(
            .invalidTarget([], byteOffset: 88),
            "nix-archive-1",
            "(",
            "type",
            "symlink",
            "target",
            ""
        )
        expect(
            .invalidTarget([0x61, 0], byteOffset: 88),
            "nix-archive-1",
            "(",
            "type",
            "symlink",
            "target",
            "a\0"
        )
    }

    @Test func paddingMustBeZero() {
        expect(.notAnArchive, .raw(Self.nar("nix-archive-1").dropLast() + [1]))
        expect(
            .nonzeroPadding(byteOffset: 39),
            "nix-archive-1",
            .raw(Self.nar("(").dropLast() + [1])
        )
        expect(
            .nonzeroPadding(byteOffset: 99),
            "nix-archive-1",
            "(",
            "type",
            "regular",
            "contents",
            .number(2),
            .raw([1, 2, 0, 9, 0, 0, 0, 0]),
            ")"
        )
    }

    @Test func depthIsLimited() {
        let level: [Part] = ["(", "type", "directory", "entry", "(", "name", "a", "node"]
        let levels = level.flatMap(\.bytes)
        let bytes = Self.nar("nix-archive-1") + (0..<5).flatMap { _ in levels }
        let expected = Failure.tooDeep(
            maximumDepth: 3,
            byteOffset: UInt64(24 + 3 * levels.count + 32)
        )
        #expect(throws: expected) {
            try readNAR(bytes, limits: NARLimits(maximumDepth: 3))
        }
    }

    @Test func cutAnywhereIsTruncated() throws {
        let whole = try Fixture.bytes("nix/nar/not-utf8.nar")
        for length in 0..<whole.count {
            #expect(throws: Failure.truncated(byteOffset: UInt64(length))) {
                try readNAR(Array(whole[..<length]))
            }
        }
    }

    @Test func bytesAfterTheEndAreRefused() throws {
        let whole = try Fixture.bytes("nix/nar/symlink.nar")
        #expect(throws: Failure.trailingBytes(byteOffset: UInt64(whole.count))) {
            try readNAR(whole + [0])
        }
    }

    @Test func errorsAreThrownAgain() {
        var parser = NARParser()
        var position = 0
        let garbage = [UInt8](repeating: 0xFF, count: 8)
        let good = Tree.symlink(target: [1]).nar
        for piece in [garbage, good] {
            do throws(NARParser.ParseError) {
                _ = try parser.next(in: piece, from: &position)
                Issue.record("garbage was read")
            } catch {
                #expect(error == .notAnArchive)
            }
        }
    }

    @Test(arguments: 0..<20) func flippedBitsNeverTrap(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let whole = try Fixture.bytes("nix/nar/tree.nar")
        for _ in 0..<20 {
            var bytes = whole
            let index = Int.random(in: bytes.indices, using: &random)
            bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            // Either it is refused, or it is a NAR as canonical as the first.
            if let events = try? readNAR(bytes) { #expect(writeNAR(events) == bytes) }
        }
    }
}
