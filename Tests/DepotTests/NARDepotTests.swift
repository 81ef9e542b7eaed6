// SPDX-License-Identifier: Apache-2.0
import Depot
import Dispatch
import NixFormat
import Synchronization
import Testing

@Suite struct NARDepotTests {
    @Test(arguments: DepotRule.all)
    func keepsTheDepotRules(_ rule: DepotRule) throws {
        try TestDepot.withDirectory { test in
            try rule.check(test)
            try test.verifyAtRest()
        }
    }

    @Test func objectsRemovedTheMomentTheyAppearKeepTheCountRight() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open()
            let sample = try Sample(1)
            let isDone = Mutex(false)
            DispatchQueue.concurrentPerform(iterations: 3) { worker in
                do {
                    if worker == 0 {
                        for _ in 0..<200 where try depot.find(sample.key) == nil {
                            try depot.put(sample)
                        }
                        isDone.withLock { $0 = true }
                    }
                    while !isDone.withLock({ $0 }) { try depot.remove(sample.key) }
                } catch {
                    isDone.withLock { $0 = true }
                    Issue.record(error)
                }
            }
            try depot.remove(sample.key)
            #expect(depot.usage().sizeBytes == 0)
            #expect(depot.usage().pendingSizeBytes == 0)
        }
    }

    @Test func signaturesAddedByManyThreadsAreAllKept() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open()
            let identity = try Sample(1, form: .identity)
            let hash = identity.key.storeHash
            try depot.put(identity)
            DispatchQueue.concurrentPerform(iterations: 6) { worker in
                do {
                    for turn in 0..<8 {
                        let signature = try Sample.signature("k\(worker)-\(turn)", UInt8(turn))
                        #expect(try depot.updateSignatures(of: hash, adding: [signature]) != nil)
                        _ = try depot.narInfo(for: hash)
                    }
                } catch {
                    Issue.record(error)
                }
            }
            #expect(try depot.narInfo(for: hash)?.narInfo.signatures.count == 49)
            #expect(depot.usage().pendingSizeBytes == 0)
            #expect(try depot.usage().sizeBytes == test.occupiedBytes())
        }
    }

    @Test func aPathIsNeverWithoutNARInfoWhileItsOtherFormArrives() throws {
        try TestDepot.withDirectory { test in
            let depot = try test.open()
            let identity = try Sample(1, form: .identity)
            let zstd = try identity.compressed()
            try depot.put(identity)
            let isDone = Mutex(false)
            DispatchQueue.concurrentPerform(iterations: 3) { worker in
                do {
                    if worker == 0 {
                        for _ in 0..<10 {
                            try depot.put(zstd)
                            try depot.describe(identity.key, by: identity.narInfo)
                            try depot.remove(zstd.key)
                        }
                        isDone.withLock { $0 = true }
                    }
                    while !isDone.withLock({ $0 }) {
                        #expect(try depot.narInfo(for: zstd.key.storeHash) != nil)
                    }
                } catch {
                    isDone.withLock { $0 = true }
                    Issue.record(error)
                }
            }
        }
    }

    @Test func manyThreadsAtOnceKeepTheBoundAndTheBytes() throws {
        try TestDepot.withDirectory { test in
            let refusals = Mutex(0)
            do {
                let depot = try test.open(blocks: 30)
                let samples = try (0..<40).map { try Sample($0, blocks: 1 + $0 % 4) }
                DispatchQueue.concurrentPerform(iterations: 8) { worker in
                    for turn in 0..<30 {
                        let sample = samples[(turn * 7 + worker * 11) % samples.count]
                        do {
                            if let bytes = try depot.contents(of: sample.key) {
                                #expect(bytes == sample.bytes)
                                if turn % 9 == 0 { try depot.remove(sample.key) }
                            } else {
                                try depot.put(sample)
                            }
                        } catch DepotError.alreadyBeingWritten, DepotError.alreadyStored {
                            refusals.withLock { $0 += 1 }
                        } catch DepotError.full {
                            refusals.withLock { $0 += 1 }
                        } catch {
                            Issue.record(error)
                        }
                        let usage = depot.usage()
                        #expect(usage.sizeBytes + usage.pendingSizeBytes <= 30 * 4096)
                    }
                }
                #expect(depot.usage().pendingSizeBytes == 0)
            }
            try test.verifyAtRest(blocks: 30)
        }
    }
}
