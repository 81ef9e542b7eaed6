// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import NixFormat
import Synchronization
import Testing

/// Failures in the middle: the process goes on, and nothing may be left behind.
@Suite struct DepotFaultTests {
    private struct Fault: Error {}

    private static let beforeTheEnd = DepotStep.ofObjects.filter { $0 != .presenceRecorded }

    @Test(arguments: beforeTheEnd)
    func aFailureAtAnyStepLeavesNothingOfTheObject(step: DepotStep) throws {
        try TestDepot.withDirectory { test in
            let isFaulty = Mutex(false)
            do {
                let depot = try test.open(blocks: 4) { reached in
                    if reached == step && isFaulty.withLock({ $0 }) { throw Fault() }
                }
                try depot.put(Sample(1))
                try depot.put(Sample(2))
                isFaulty.withLock { $0 = true }
                #expect(throws: Fault.self) { try depot.put(Sample(3)) }
                #expect(try depot.find(Sample(3).key) == nil)
                #expect(try test.names(in: "unfinished").isEmpty)
                #expect(depot.usage().pendingSizeBytes == 0)
                #expect(try depot.usage().sizeBytes == test.occupiedBytes())
                #expect(depot.usage().objects == (try depot.list(limit: 10).count))
                isFaulty.withLock { $0 = false }
                _ = try test.narInfosByObject()
                try depot.put(Sample(3))
            }
            #expect(try test.verifyAtRest(blocks: 4).contains(Sample(3).key))
        }
    }

    @Test(.enabled(if: SmallDisk.isPossible, "mounting a small tmpfs takes root"))
    func aFullDiskIsAnErrorThatLeavesNothingBehind() throws {
        try SmallDisk.with(sizeBytes: 1 << 20) { test in
            let depot = try test.open(blocks: 1 << 20)
            try depot.put(Sample(1))
            let large = try Sample(2, blocks: 400)
            #expect { try depot.put(large) } throws: { error in
                guard case DepotError.diskFull = error else { return false }
                return true
            }
            #expect(try test.names(in: "unfinished").isEmpty)
            #expect(depot.usage().sizeBytes == 2 * 4096)
            #expect(depot.usage().pendingSizeBytes == 0)
            try depot.put(Sample(3))
            #expect(try depot.contents(of: Sample(1).key) == Sample(1).bytes)
        }
    }

    @Test(.enabled(if: SmallDisk.isPossible, "mounting a small tmpfs takes root"))
    func aSpoolOnAFullDiskKeepsWhatItHas() throws {
        try SmallDisk.with(sizeBytes: 1 << 20) { test in
            let depot = try test.open(blocks: 1 << 20)
            var spool: Spool? = try depot.makeSpool(expectedBytes: 2 << 20)
            try spool?.append([1, 2, 3])
            #expect { try spool?.append([UInt8](repeating: 0, count: 2 << 20)) } throws: { error in
                guard case DepotError.diskFull = error else { return false }
                return true
            }
            #expect(try spool?.contents() == [1, 2, 3])
            spool = nil
            try depot.put(Sample(1, blocks: 50))
        }
    }

    @Test(arguments: [DepotStep.narInfoWritten, .narInfoRenamed, .narInfoSynced])
    func aFailureWhileSigningCountsWhatIsThere(step: DepotStep) throws {
        try TestDepot.withDirectory { test in
            let isFaulty = Mutex(false)
            let depot = try test.open { reached in
                if reached == step && isFaulty.withLock({ $0 }) { throw Fault() }
            }
            try depot.put(Sample(1))
            let hash = try Sample(1).key.storeHash
            let many = try (0..<60).map { try Sample.signature("key-\($0)", UInt8($0)) }
            isFaulty.withLock { $0 = true }
            #expect(throws: Fault.self) { try depot.updateSignatures(of: hash, adding: many) }
            isFaulty.withLock { $0 = false }
            #expect(depot.usage().pendingSizeBytes == 0)
            #expect(try depot.usage().sizeBytes == test.occupiedBytes())
            try depot.updateSignatures(of: hash, adding: many)
            #expect(try depot.narInfo(for: hash)?.narInfo.signatures.count == 61)
            #expect(try depot.check(isRepairing: false) { _ in }.defects == 0)
        }
    }

    @Test(.enabled(if: SmallDisk.isPossible, "mounting a small tmpfs takes root"))
    func aDiskThatFillsUpBeforeTheCommitLeavesNothingBehind() throws {
        // Room for the catalog's log, which grows by some 30 kB with each object.
        try SmallDisk.with(sizeBytes: 8 << 20) { test in
            let depot = try test.open(blocks: 1 << 20)
            let filler = URL(filePath: test.directory + "/filler")
            var refused = 0
            for number in 0..<40 {
                let sample = try Sample(number, sizeBytes: 10)
                let pending = try depot.begin(sample.key)
                try pending.write(sample.bytes)
                fillUp(filler)
                do {
                    _ = try pending.commit(describedBy: sample.narInfo)
                } catch DepotError.diskFull {
                    refused += 1
                    #expect(try depot.find(sample.key) == nil)
                    #expect(try test.names(in: "unfinished").isEmpty)
                }
                // A child of another test may hold the file open: removing it would free nothing.
                #expect(unsafe truncate(filler.path, 0) == 0)
            }
            #expect(refused > 0)
            #expect(depot.usage().pendingSizeBytes == 0)
            let found = depot.usage().objects
            #expect(found == 40 - refused)
        }
    }

    /// Takes whatever room is left.
    private func fillUp(_ file: URL) {
        _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        guard let handle = try? FileHandle(forWritingTo: file) else { return }
        for size in [65_536, 4096] {
            while (try? handle.write(contentsOf: Data(repeating: 0, count: size))) != nil {}
        }
        try? handle.close()
    }
}

/// A file system of a few blocks.
enum SmallDisk {
    static let isPossible: Bool = {
        guard geteuid() == 0 else { return false }
        return (try? with(sizeBytes: 1 << 16) { _ in }) != nil
    }()

    static func with(sizeBytes: Int, _ body: (TestDepot) throws -> Void) throws {
        try TestDepot.withDirectory { test in
            try FileManager.default
                .createDirectory(atPath: test.directory, withIntermediateDirectories: true)
            try run("mount", "-t", "tmpfs", "-o", "size=\(sizeBytes)", "tmpfs", test.directory)
            // Lazily: a depot that a failed test still holds must not keep the mount.
            defer { try? run("umount", "-l", test.directory) }
            try body(test)
        }
    }

    private static func run(_ command: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    }
}
