// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import Glibc
import NixFormat
import Testing

@Suite struct DeltaShelfTests {
    private func name(_ number: Int, _ coding: DeltaName.Coding = .dcz) throws -> DeltaName {
        let hash = SHA256Hasher.hash(Array("delta \(number)".utf8))
        return DeltaName(
            storeHash: try StorePathHash(bytes: Array(hash.digest.prefix(20))),
            narHash: hash,
            baseHash: SHA256Hasher.hash(Array("base \(number)".utf8)),
            coding: coding
        )
    }

    @discardableResult
    private func put(_ number: Int, blocks: Int, in depot: NARDepot) throws -> Bool {
        let pending = try #require(try depot.deltas.begin(name(number)))
        let isTaken = try pending.append([UInt8](repeating: 7, count: blocks * 4096 - 3))
        try pending.commit()
        return isTaken
    }

    private func contents(of number: Int, in depot: NARDepot) throws -> [UInt8]? {
        guard let delta = depot.deltas.open(try name(number)) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(delta.sizeBytes))
        let count = unsafe bytes.withUnsafeMutableBytes { space in
            unsafe pread(delta.descriptor, space.baseAddress, space.count, 0)
        }
        #expect(count == bytes.count)
        return bytes
    }

    @Test(arguments: DeltaName.Coding.allCases)
    func aNameIsReadAsItIsWritten(_ coding: DeltaName.Coding) throws {
        let name = try name(1, coding)
        #expect(DeltaName(parsing: "\(name)") == name)
        #expect(DeltaName(parsing: "\(name)~") == nil)
        #expect(DeltaName(parsing: "x\(name)") == nil)
        #expect(DeltaName(parsing: "\(name)".replacing("-", with: "_")) == nil)
    }

    @Test func whatIsKeptIsThereAfterARestart() throws {
        try TestDepot.withDirectory { test in
            do {
                let depot = try test.open()
                try put(1, blocks: 2, in: depot)
                #expect(try contents(of: 1, in: depot)?.count == 8189)
                #expect(depot.usage().sizeBytes == 8192)
                _ = try depot.deltas.begin(name(2))?.append([1])
            }
            // What was not finished, or is none, goes.
            let stray = "\(test.directory)/deltas/stray"
            try Data([1]).write(to: URL(filePath: stray))
            let depot = try test.open()
            #expect(try contents(of: 1, in: depot)?.allSatisfy { $0 == 7 } == true)
            #expect(depot.usage().sizeBytes == 8192)
            #expect(depot.usage().pendingSizeBytes == 0)
            #expect(try test.names(in: "deltas") == ["\(name(1))"])
        }
    }

    @Test func theyGoBeforeAnyObjectDoes() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 100)
            let first = try Sample(1, blocks: 60)
            try depot.put(first)
            for number in 1...5 { try put(number, blocks: 2, in: depot) }
            #expect(depot.deltas.usage.count == 5)
            // 61 and 10 are taken; 35 more do not fit until deltas have gone.
            try depot.put(try Sample(2, blocks: 34))
            #expect(try depot.find(first.key) != nil)
            #expect(depot.deltas.usage.count == 2)
            #expect(try contents(of: 5, in: depot) != nil)
            #expect(try contents(of: 1, in: depot) == nil)
            try depot.put(try Sample(3, blocks: 20))
            #expect(try depot.find(first.key) == nil)
            #expect(depot.usage().sizeBytes <= depot.usage().maximumSizeBytes)
        }
    }

    @Test func theyTakeATenthAndNoRoomFromObjects() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 100)
            for number in 1...8 { try put(number, blocks: 3, in: depot) }
            #expect(depot.deltas.usage.count == 3)
            #expect(try !put(9, blocks: 11, in: depot))
            #expect(try contents(of: 9, in: depot) == nil)
            let first = try Sample(1, blocks: 90)
            try depot.put(first)
            // Only what deltas give up can be had by deltas.
            _ = try put(10, blocks: 10, in: depot)
            #expect(try depot.find(first.key) != nil)
            #expect(depot.usage().pendingSizeBytes == 0)
            #expect(depot.usage().sizeBytes <= depot.usage().maximumSizeBytes)
        }
    }

    /// Each could have a tenth, and all together have no more.
    @Test func whatIsBeingWrittenCountsAsWell() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 100)
            let pending = try (1...3).map { try #require(try depot.deltas.begin(name($0))) }
            let taken = try pending.filter { try $0.append([UInt8](repeating: 7, count: 6 * 4096)) }
            #expect(taken.count == 1)
            for pending in taken { try pending.commit() }
            #expect(depot.deltas.usage.blockBytes <= depot.deltas.maximumBytes)
            #expect(depot.usage().pendingSizeBytes == 0)
            // What was given up takes nothing from those that follow.
            #expect(try put(4, blocks: 10, in: depot))
        }
    }

    @Test func nobodyWritesWhatSomebodyIsWriting() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open()
            let first = try depot.deltas.begin(name(1))
            #expect(first != nil)
            #expect(try depot.deltas.begin(name(1)) == nil)
            first?.abandon()
            #expect(try put(1, blocks: 1, in: depot))
            #expect(try depot.deltas.begin(name(1)) == nil)
        }
    }

    @Test func whatIsReadStays() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 100)
            try put(1, blocks: 5, in: depot)
            try put(2, blocks: 5, in: depot)
            let reading = depot.deltas.open(try name(1))
            try put(3, blocks: 5, in: depot)
            #expect(depot.deltas.holds(try name(1)))
            #expect(!depot.deltas.holds(try name(2)))
            withExtendedLifetime(reading) {}
        }
    }

    @Test func aFileThatWasCutIsNotHandedOut() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open()
            try put(1, blocks: 5, in: depot)
            #expect(unsafe truncate("\(test.directory)/deltas/\(try name(1))", 10) == 0)
            #expect(try contents(of: 1, in: depot) == nil)
            #expect(!depot.deltas.holds(try name(1)))
            #expect(depot.usage().sizeBytes == 0)
        }
    }

    /// Of what somebody has deleted nothing stays.
    @Test func theyGoWithTheObjectThatTheyMake() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 100)
            let (gone, kept) = (try Sample(1), try Sample(2))
            for sample in [gone, kept] { try depot.put(sample) }
            for (sample, base) in [(gone, 1), (gone, 2), (kept, 1)] {
                let name = DeltaName(
                    storeHash: sample.key.storeHash,
                    narHash: sample.key.narHash,
                    baseHash: SHA256Hasher.hash(Array("base \(base)".utf8)),
                    coding: .dcz
                )
                let pending = try #require(try depot.deltas.begin(name))
                #expect(try pending.append([1, 2, 3]))
                try pending.commit()
            }
            #expect(try depot.remove(gone.key))
            #expect(depot.deltas.usage.count == 1)
            #expect(
                try test.names(in: "deltas").allSatisfy { $0.hasPrefix("\(kept.key.storeHash)") }
            )
            let late = try #require(
                try depot.deltas.begin(
                    DeltaName(
                        storeHash: kept.key.storeHash,
                        narHash: kept.key.narHash,
                        baseHash: SHA256Hasher.hash([1]),
                        coding: .segmented
                    )
                )
            )
            #expect(try late.append([1, 2, 3]))
            #expect(try depot.remove(kept.key))
            #expect(depot.deltas.usage.count == 0)
            // Nor does what was only being made.
            #expect(try !late.commit())
            #expect(try test.names(in: "deltas").isEmpty)
            #expect(depot.usage().pendingSizeBytes == 0)
            #expect(depot.usage().sizeBytes == 0)
        }
    }

    @Test func aCollectionTakesThemFirst() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open(blocks: 100)
            let kept = try Sample(1, blocks: 9)
            try depot.put(kept)
            for number in 1...4 { try put(number, blocks: 2, in: depot) }
            #expect(try depot.planCollection(downTo: 10 * 4096).isEmpty)
            #expect(try depot.collect(downTo: 10 * 4096).isEmpty)
            #expect(try depot.find(kept.key) != nil)
            #expect(depot.deltas.usage.count == 0)
            #expect(try depot.collect(downTo: 0).map(\.key) == [kept.key])
        }
    }
}
