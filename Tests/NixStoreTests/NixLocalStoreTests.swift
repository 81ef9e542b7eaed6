// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Glibc
import NixFormat
import NixStore
import Synchronization
import Testing

@Suite struct NixLocalStoreTests {
    @Test func aPathReadsAsItsNAR() async throws {
        try await withStoredTree { opened, path in
            let info = try await opened.info(path)
            let nar = try await dump(opened.location(path))
            #expect(try opened.store.openNAR(info, range: nil).readAll() == nar)
            let part = try opened.store.openNAR(info, range: 100..<5_000).readAll()
            #expect(part == Array(nar[100..<5_000]))
            let counters = opened.store.counters
            #expect(counters.bytesRead.load(ordering: .relaxed) == UInt64(nar.count + 4_900))
            #expect(counters.narsOpened.load(ordering: .relaxed) == 2)
        }
    }

    @Test func aListingIsWhatNixPrints() async throws {
        try await withStoredTree { opened, path in
            let listing = try opened.store.listing(try await opened.info(path))
            let nar = opened.nix.root + "/dump.nar"
            try FileMaker.write(try await dump(opened.location(path)), to: nar)
            let printed = try await Command(
                "nix",
                [
                    "--extra-experimental-features", "nix-command", "nar", "ls", "--json", "-R",
                    nar, "/",
                ],
                environment: Command.plainEnvironment.merging(["HOME": opened.nix.root]) { $1 }
            ).run(deadline: .seconds(30)).requireSuccess().output
            let expected = printed.last == 0x0A ? Array(printed.dropLast()) : printed
            // The spelling depends on the version of Nix, the content does not.
            #expect(NARListing.JSONForm.allCases.contains { listing.rootJSON($0) == expected })
        }
    }

    @Test func aDamagedPathIsMarkedUntilItIsRepaired() async throws {
        try await withStoredTree { opened, path in
            let store = opened.store
            let info = try await opened.info(path)
            let file = opened.location(path) + "/known"
            unsafe chmod(file, 0o644)
            try FileMaker.flipByte(in: file, at: 3)
            #expect(!store.isMarkedBad(info))
            #expect(throws: NARReadError.self) { try store.openNAR(info, range: nil).readAll() }
            #expect(store.isMarkedBad(info))
            #expect(store.counters.badPaths.load(ordering: .relaxed) == 1)
            #expect(store.counters.hashMismatches.load(ordering: .relaxed) == 1)
            #expect(opened.log.messages.count == 1)

            // What Nix does to repair: a good copy takes the place of the bad one.
            try FileMaker.flipByte(in: file, at: 3)
            let copy = opened.location(path) + ".repaired"
            try await Command("cp", ["-a", opened.location(path), copy]).run(deadline: .seconds(30))
                .requireSuccess()
            try await Command("rm", ["-rf", opened.location(path)]).run(deadline: .seconds(30))
                .requireSuccess()
            #expect(unsafe rename(copy, opened.location(path)) == 0)
            #expect(!store.isMarkedBad(info))
            #expect(try store.openNAR(info, range: nil).readAll().count == Int(info.narSizeBytes))
        }
    }

    @Test func aPathRegisteredAnewIsNotMarked() async throws {
        try await withStoredTree { opened, path in
            let info = try await opened.info(path)
            try FileMaker.flipByte(in: opened.location(path) + "/known", at: 3)
            #expect(throws: NARReadError.self) {
                try opened.store.openNAR(info, range: nil).readAll()
            }
            let anew = PathInfo(
                id: info.id + 1,
                path: info.path,
                narHash: info.narHash,
                narSizeBytes: info.narSizeBytes
            )
            #expect(!opened.store.isMarkedBad(anew))
        }
    }

    @Test func aPathThatIsGoneIsNotMarked() async throws {
        try await withStoredTree { opened, path in
            let info = try await opened.info(path)
            #expect(unsafe rename(opened.location(path), opened.location(path) + ".away") == 0)
            for attempt in 0..<2 {
                let error = #expect(throws: NARReadError.self) {
                    if attempt == 0 {
                        _ = try opened.store.openNAR(info, range: nil)
                    } else {
                        _ = try opened.store.listing(info)
                    }
                }
                guard case .pathVanished(path) = error else {
                    return #expect(Bool(false), "\(error)")
                }
            }
            #expect(!opened.store.isMarkedBad(info))
        }
    }

    // MARK: Logs

    @Test func logsAreFoundInAllTheirForms() async throws {
        try await withStoredTree { opened, path in
            let folder = "\(opened.nix.root)/nix/var/log/nix/drvs/\(path.description.prefix(2))"
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            #expect(try opened.store.openLog(of: path) == nil)
            let forms: [(String, NARCompression)] = [
                ("", .none), (".bz2", .bzip2), (".zst", .zstd), (".xz", .xz),
            ]
            for (suffix, compression) in forms {
                let file = "\(folder)/\(path.description.dropFirst(2))\(suffix)"
                try FileMaker.write([1, 2, 3], to: file)
                let log = try #require(try opened.store.openLog(of: path))
                #expect(log.compression == compression)
                #expect(log.file.sizeBytes == 3)
                unsafe unlink(file)
            }
        }
    }

    // MARK: Files within a path

    @Test func filesOfAPathAreOpened() async throws {
        try await withStoredTree { opened, path in
            func find(_ names: String...) throws -> StoreFile? {
                try opened.store.openFile(in: path, at: names.map { Array($0.utf8) })
            }
            guard case .regular(let file, isExecutable: false) = try find("known") else {
                return #expect(Bool(false))
            }
            #expect(file.sizeBytes == 10)
            guard case .regular(_, isExecutable: true) = try find("folder", "tool") else {
                return #expect(Bool(false))
            }
            // A symlink that stays within is followed.
            guard case .regular = try find("folder", "inside") else { return #expect(Bool(false)) }
            guard case .directory(let entries) = try find("folder") else {
                return #expect(Bool(false))
            }
            #expect(entries.map { String(decoding: $0.name, as: UTF8.self) } == ["inside", "tool"])
            #expect(entries.map(\.kind) == [.symlink, .regular])
            guard case .directory = try find() else { return #expect(Bool(false)) }
        }
    }

    @Test func nothingOutsideOfAPathIsReached() async throws {
        try await withStoredTree { opened, path in
            func find(_ names: String...) throws -> StoreFile? {
                try opened.store.openFile(in: path, at: names.map { Array($0.utf8) })
            }
            for name in ["..", ".", "", "../..", "folder/tool", "no\0pe", "missing"] {
                #expect(try find(name) == nil, "\(name)")
                #expect(try find("folder", name) == nil, "\(name)")
            }
            #expect(try find("known", "child") == nil)
            #expect(try find("escape", "passwd") == nil)
            #expect(try find("loop") != nil)
            guard case .symlinkOutside(let target) = try find("escape") else {
                return #expect(Bool(false))
            }
            #expect(target == Array("/etc".utf8))
            guard case .symlinkOutside = try find("dots") else { return #expect(Bool(false)) }
        }
    }
}

/// A store with one tree that has a bit of everything.
func withStoredTree(
    _ body: (OpenedStore, StorePath) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        let tree = directory.path("tree")
        try RandomTree.make(at: tree, seed: 42)
        try directory.write("some text\n", to: "tree/known")
        try directory.makeDirectory("tree/folder")
        try directory.write("#!/bin/sh\n", to: "tree/folder/tool", mode: 0o755)
        unsafe symlink("../known", tree + "/folder/inside")
        unsafe symlink("/etc", tree + "/escape")
        unsafe symlink("../../../etc/passwd", tree + "/dots")
        unsafe symlink("loop", tree + "/loop")
        try await withOpenedStore({ try await $0.add(tree) }, body)
    }
}
