// SPDX-License-Identifier: Apache-2.0
import Depot
import Dispatch
import Foundation
import NixFormat
import Synchronization
import Testing

@Suite struct DepotCheckTests {
    /// Something that goes wrong with a depot, and what a check makes of it.
    struct Defect: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: Set<DepotFinding.Kind>
        /// Objects of the five that are there after the repair.
        let left: Int
        let cause: @Sendable (TestDepot, NARDepot) throws -> Void
    }

    static let defects = [
        Defect(testDescription: "nothing", expected: [], left: 5) { _, _ in },
        Defect(
            testDescription: "an object is taken away",
            expected: [.missingObject, .danglingNARInfo],
            left: 4
        ) { test, _ in
            try FileManager.default.removeItem(atPath: test.path(of: Sample(1).key))
        },
        Defect(
            testDescription: "an object is put there by hand",
            expected: [.uncataloguedObject, .objectWithoutNARInfo],
            left: 6
        ) { test, _ in
            let sample = try Sample(9)
            try Data(sample.bytes).write(to: URL(filePath: test.path(of: sample.key)))
        },
        Defect(
            testDescription: "an object is put there by hand, with its narinfo",
            expected: [.uncataloguedObject],
            left: 6
        ) { test, _ in
            let sample = try Sample(9)
            try Data(sample.bytes).write(to: URL(filePath: test.path(of: sample.key)))
            var narInfo = sample.narInfo
            narInfo.url = "nar/\(sample.key)"
            narInfo.compression = .zstd
            try Data(narInfo.write(in: .standard))
                .write(to: URL(filePath: test.narInfoPath(of: sample.key)))
        },
        Defect(
            testDescription: "a wrong identity NAR is put there by hand",
            expected: [.damagedObject],
            left: 5
        ) { test, _ in
            let key = try Sample(9, form: .identity).key
            try Data([1, 2, 3]).write(to: URL(filePath: test.path(of: key)))
        },
        Defect(testDescription: "a bit of an object changes", expected: [.damagedObject], left: 4) {
            test,
            _ in
            try flipBit(test.path(of: Sample(1).key))
        },
        Defect(testDescription: "an object is cut short", expected: [.damagedObject], left: 4) {
            test,
            _ in
            let file = try #require(
                FileHandle(forWritingAtPath: test.path(of: Sample(1).key))
            )
            try file.truncate(atOffset: 5)
        },
        Defect(
            testDescription: "a narinfo is taken away",
            expected: [.objectWithoutNARInfo, .miscountedNARInfo],
            left: 5
        ) { test, _ in
            try FileManager.default.removeItem(atPath: test.narInfoPath(of: Sample(1).key))
        },
        Defect(
            testDescription: "a narinfo is overwritten with something else",
            expected: [.unreadableNARInfo, .miscountedNARInfo],
            left: 5
        ) { test, _ in
            try Data("StorePath: nonsense\n".utf8)
                .write(to: URL(filePath: test.narInfoPath(of: Sample(1).key)))
        },
        Defect(
            testDescription: "a narinfo has the name of another path",
            expected: [.unreadableNARInfo],
            left: 5
        ) { test, _ in
            try FileManager.default.copyItem(
                atPath: test.narInfoPath(of: Sample(1).key),
                toPath: test.narInfoPath(of: Sample(9).key)
            )
        },
        Defect(
            testDescription: "a narinfo names an object that never was",
            expected: [.danglingNARInfo],
            left: 5
        ) { test, _ in
            let sample = try Sample(9)
            var narInfo = sample.narInfo
            narInfo.url = "nar/\(sample.key)"
            try Data(narInfo.write(in: .standard))
                .write(to: URL(filePath: test.narInfoPath(of: sample.key)))
        },
        Defect(
            testDescription: "a narinfo has another file hash",
            expected: [.inexactNARInfo],
            left: 5
        ) { test, depot in
            let sample = try Sample(1)
            var narInfo = try #require(try depot.narInfo(for: sample.key.storeHash)).narInfo
            // Of the same length, so that nothing else is wrong with it.
            narInfo.fileHash = SHA256Hasher.hash([1])
            try Data(narInfo.write(in: .standard))
                .write(to: URL(filePath: test.narInfoPath(of: sample.key)))
        },
        Defect(
            testDescription: "other programs keep files there",
            expected: [.foreignFile],
            left: 5
        ) { test, _ in
            var narInfo = try Sample(9).narInfo
            narInfo.url = "nar/0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73.nar.xz"
            try Data(narInfo.write(in: .standard))
                .write(to: URL(filePath: test.narInfoPath(of: Sample(9).key)))
            for name in ["notes", "nar/readme.txt"] {
                try Data("hello".utf8).write(to: URL(filePath: "\(test.directory)/\(name)"))
            }
        },
        Defect(testDescription: "something is left unfinished", expected: [.leftover], left: 5) {
            test,
            _ in
            try Data("part".utf8)
                .write(to: URL(filePath: "\(test.directory)/unfinished/\(Sample(9).key).7"))
        },
    ]

    @Test(arguments: defects)
    func everyDefectIsFoundAndRepairedOnce(_ defect: Defect) throws {
        try TestDepot.withDirectory { test in
            do {
                let depot = try test.open()
                for number in 0..<5 { try depot.put(Sample(number)) }
                try defect.cause(test, depot)
                let before = try test.allFiles()
                var kinds: Set<DepotFinding.Kind> = []
                let summary = try depot.check(isRepairing: false) { finding in
                    kinds.insert(finding.kind)
                    #expect(!finding.isRepaired)
                }
                #expect(kinds == defect.expected)
                #expect(summary.repaired == 0)
                #expect(try test.allFiles() == before)

                var unrepaired: [DepotFinding] = []
                let repair = try depot.check(isRepairing: true) { finding in
                    if finding.kind.isDefect && !finding.isRepaired { unrepaired.append(finding) }
                }
                #expect(unrepaired == [])
                #expect(repair.repaired == repair.defects)
                _ = try depot.check(isRepairing: false) { finding in
                    #expect(!finding.kind.isDefect, "\(finding)")
                }
                #expect(try depot.list(limit: 99).count == defect.left)
                let usage = depot.usage()
                #expect(usage.objects == defect.left)
                #expect(usage.pendingSizeBytes == 0)
                let foreign: UInt64 = defect.expected == [.foreignFile] ? 2 * 4096 : 0
                #expect(try usage.sizeBytes == test.occupiedBytes() - foreign)
            }
            if defect.expected != [.foreignFile] {
                #expect(try test.verifyAtRest().count == defect.left)
            }
        }
    }

    @Test func theCallersVerdictDecidesAboutCompressedObjects() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open()
            for number in 0..<4 { try depot.put(Sample(number)) }
            try Self.flipBit(test.path(of: Sample(0).key))
            // The second has the right NAR in a changed file; the third the wrong one in its own.
            try Self.flipBit(test.path(of: Sample(1).key))
            let wrong = [try Sample(0).key, try Sample(2).key]
            var findings: [ObjectKey: DepotFinding.Kind] = [:]
            let verified = Mutex<Set<ObjectKey>>([])
            let verify: (OpenObject) throws -> Bool = { object in
                verified.withLock { _ = $0.insert(object.info.key) }
                let contents = try object.contents()
                #expect(contents.count == Int(object.info.sizeBytes))
                return !wrong.contains(object.info.key)
            }
            _ = try depot.check(isRepairing: true, verify: verify) { finding in
                guard finding.name.hasPrefix("nar/") else {
                    #expect(finding.kind == .inexactNARInfo)
                    return
                }
                findings[try ObjectKey(parsing: finding.name.dropFirst(4))] = finding.kind
            }
            #expect(verified.withLock { $0.count } == 4)
            let changed = try Sample(1).key
            #expect(
                findings == [
                    wrong[0]: .damagedObject, changed: .wrongFileHash, wrong[1]: .damagedObject,
                ]
            )
            #expect(try depot.list(limit: 9).count == 2)
        }
    }

    @Test func anObjectThatDoesNotFitIsNotTakenIn() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 2)
            try depot.put(Sample(1))
            let reader = try depot.open(Sample(1).key)
            let other = try Sample(2)
            try Data(other.bytes).write(to: URL(filePath: test.path(of: other.key)))
            let summary = try depot.check(isRepairing: true) { _ in }
            #expect(summary.defects == 1)
            #expect(summary.repaired == 0)
            #expect(try reader?.contents() == Sample(1).bytes)
        }
    }

    @Test func aCheckBesideWritersFindsNothing() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 20)
            let isDone = Mutex(false)
            DispatchQueue.concurrentPerform(iterations: 3) { worker in
                do {
                    if worker == 0 {
                        for _ in 0..<20 {
                            let summary = try depot.check(isRepairing: true) { finding in
                                #expect(!finding.kind.isDefect, "\(finding)")
                            }
                            #expect(summary.defects == 0)
                        }
                        isDone.withLock { $0 = true }
                        return
                    }
                    var number = worker
                    while !isDone.withLock({ $0 }) {
                        number += 2
                        let sample = try Sample(number % 30, blocks: 1 + number % 3)
                        if try depot.find(sample.key) == nil { try depot.put(sample) }
                    }
                } catch {
                    isDone.withLock { $0 = true }
                    Issue.record(error)
                }
            }
            _ = try test.narInfosByObject()
        }
    }

    private static func flipBit(_ path: String) throws {
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count / 2] ^= 1
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.write(contentsOf: bytes)
        try file.close()
    }
}

extension TestDepot {
    /// Every file but the catalog's, with its contents.
    func allFiles() throws -> [String: Data] {
        var result: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory)
        where !name.hasPrefix("catalog") {
            result[name] = FileManager.default.contents(atPath: "\(directory)/\(name)")
        }
        return result
    }
}
