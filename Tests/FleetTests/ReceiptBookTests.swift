// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import FirnTestSupport
import Fleet
import Foundation
import Testing

@Suite struct ReceiptBookTests {
    @Test func whatWasWrittenIsReadOldestFirst() async throws {
        try await withTemporaryDirectory { directory in
            let book = ReceiptBook(state: directory.path("state"))
            #expect(try book.read().receipts.isEmpty)
            let host = try HostName(parsing: "samsung")
            let other = try HostName(parsing: "p510")
            var late = Sample.receipt("samsung", id: "b", second: 20)
            late.pull = Sample.pull
            late.energy = Energy(packageJoules: 12.5, batteryJoules: nil)
            try book.append(late, of: host)
            try book.append(Sample.receipt("p510", id: "c", second: 15), of: other)
            try book.append(Sample.receipt("samsung", id: "a", second: 10), of: host)
            let all = try book.read()
            #expect(all.receipts.map(\.id) == ["a", "c", "b"])
            #expect(all.receipts.last == late)
            #expect(try book.read([other]).receipts.map(\.id) == ["c"])
        }
    }

    @Test func aLineThatWasCutOffIsCountedAndHidesNoOther() async throws {
        try await withTemporaryDirectory { directory in
            let book = ReceiptBook(state: directory.path("state"))
            let host = try HostName(parsing: "samsung")
            try book.append(Sample.receipt("samsung", id: "a", second: 10), of: host)
            let file = "\(book.directory)/samsung.jsonl"
            let handle = try #require(FileHandle(forWritingAtPath: file))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data("{\"id\":\"cut\n".utf8))
            try handle.close()
            try book.append(Sample.receipt("samsung", id: "b", second: 20), of: host)
            let reading = try book.read()
            #expect(reading.receipts.map(\.id) == ["a", "b"])
            #expect(reading.unreadableLines == 1)
        }
    }

    @Test func theNewestOfEachHostAreReadFromTheEnd() async throws {
        try await withTemporaryDirectory { directory in
            let book = ReceiptBook(state: directory.path("state"))
            #expect(try book.newest(2).isEmpty)
            let host = try HostName(parsing: "samsung")
            let other = try HostName(parsing: "p510")
            // More than is read of a file.
            for number in 0..<400 {
                var receipt = Sample.receipt("samsung", id: "\(number)", second: 10)
                receipt.reason = String(repeating: "x", count: 1_000)
                try book.append(receipt, of: host)
            }
            try book.append(Sample.receipt("p510", id: "c", second: 15), of: other)
            let newest = try book.newest(2)
            #expect(newest[host]?.map(\.id) == ["399", "398"])
            #expect(newest[other]?.map(\.id) == ["c"])
        }
    }

    /// The daemon, as a user of its own, shows what root has deployed.
    @Test(.enabled(if: getuid() == 0, "needs root"))
    func theDaemonsGroupReadsWhatRootWrote() async throws {
        try await withTemporaryDirectory { directory in
            let state = try directory.makeDirectory("state")
            #expect(unsafe chown(state, 61_234, 61_235) == 0)
            let book = ReceiptBook(state: state)
            let host = try HostName(parsing: "samsung")
            try book.append(Sample.receipt("samsung", id: "a", second: 10), of: host)
            for (path, mode) in [
                (book.directory, 0o750), ("\(book.directory)/samsung.jsonl", 0o640),
            ] {
                let facts = try FileManager.default.attributesOfItem(atPath: path)
                #expect(facts[.posixPermissions] as? Int == mode)
                #expect(facts[.ownerAccountID] as? Int == 0)
                #expect(facts[.groupOwnerAccountID] as? Int == 61_235)
            }
        }
    }

    @Test func onlyTheOwnerReadsThem() async throws {
        try await withTemporaryDirectory { directory in
            let book = ReceiptBook(state: directory.path("state"))
            let host = try HostName(parsing: "samsung")
            try book.append(Sample.receipt("samsung", id: "a", second: 10), of: host)
            let facts = try FileManager.default.attributesOfItem(
                atPath: "\(book.directory)/samsung.jsonl"
            )
            #expect(facts[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func aFileThatHasGrownMakesRoom() async throws {
        try await withTemporaryDirectory { directory in
            let book = ReceiptBook(state: directory.path("state"))
            let host = try HostName(parsing: "samsung")
            var large = Sample.receipt("samsung", id: "large", second: 0)
            large.reason = String(repeating: "x", count: ReceiptBook.mostFileBytes / 3)
            for _ in 0..<8 { try book.append(large, of: host) }
            try book.append(Sample.receipt("samsung", id: "newest", second: 10), of: host)
            let names = try FileManager.default.contentsOfDirectory(atPath: book.directory)
            #expect(Set(names) == ["lock", "samsung.jsonl", "samsung.old.jsonl"])
            let receipts = try book.read().receipts
            #expect(receipts.last?.id == "newest")
            #expect((4...7).contains(receipts.count))
        }
    }
}

@Suite struct TargetMeterTests {
    @Test func energyIsTheDifferenceOfTwoReadingsAndMindsTheEndOfACounter() throws {
        let start = TargetMeter.Reading(
            parsing: "package intel-rapl:0 900 1000\npackage intel-rapl:1 5 1000\nbattery 500000"
        )
        let end = TargetMeter.Reading(
            parsing: "package intel-rapl:0 100 1000\npackage intel-rapl:1 15 1000\nbattery 499000"
        )
        let energy = try #require(start.energy(until: end))
        #expect(energy.packageJoules == 210 / 1e6)
        #expect(energy.batteryJoules.map { abs($0 - 3.6) < 1e-9 } == true)
    }

    @Test func withoutMetersThereIsNoEnergy() {
        let none = TargetMeter.Reading(parsing: "")
        #expect(none.energy(until: none) == nil)
        let nonsense = TargetMeter.Reading(parsing: "package x y z\nbattery -1\nbattery nan\n\u{0}")
        #expect(nonsense == none)
    }

    @Test func aReceiptIsLeftWithTheHost() async throws {
        try await withTemporaryDirectory { directory in
            let shell = try LocalShell(in: directory)
            let folder = directory.path("deployments")
            let meter = TargetMeter(on: shell, folder: folder)
            let reading = try await meter.read(deadline: .seconds(60))
            var receipt = Sample.receipt("samsung", id: "a", second: 10)
            receipt.reason = "it's \"quoted\"; $(touch \(directory.path("no")))"
            let kept = try await meter.leave(receipt, since: reading, deadline: .seconds(60))
            _ = try await meter.leave(kept, since: nil, deadline: .seconds(60))
            let text = try String(contentsOfFile: "\(folder)/receipts.jsonl", encoding: .utf8)
            let lines = text.split(separator: "\n")
            #expect(lines.count == 2)
            for line in lines {
                #expect(try FirnJSON.parse(line.utf8, as: Receipt.self) == kept)
            }
            #expect(!FileManager.default.fileExists(atPath: directory.path("no")))
        }
    }
}
