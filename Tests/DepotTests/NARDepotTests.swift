// SPDX-License-Identifier: Apache-2.0
import Depot
import Dispatch
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

    @Test func manyThreadsAtOnceKeepTheBoundAndTheBytes() throws {
        try TestDepot.withDirectory { test in
            let refusals = Mutex(0)
            do {
                let depot = try test.open(blocks: 24)
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
                        #expect(usage.sizeBytes + usage.pendingSizeBytes <= 24 * 4096)
                    }
                }
                #expect(depot.usage().pendingSizeBytes == 0)
            }
            try test.verifyAtRest(blocks: 24)
        }
    }
}
