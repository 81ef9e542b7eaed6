// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import Testing

extension DepotRule {
    static let spools = [
        DepotRule(testDescription: "a spool is read while it grows, and leaves nothing") { test in
            let depot = try test.open(blocks: 4)
            var spool: Spool? = try depot.makeSpool()
            let bytes = try Sample(1, blocks: 3).bytes
            for start in stride(from: 0, to: bytes.count, by: 3000) {
                try spool?.append(Array(bytes[start...].prefix(3000)))
                #expect(try spool?.contents(from: start) == Array(bytes[start...].prefix(3000)))
            }
            #expect(try spool?.contents() == bytes)
            #expect(try spool?.contents(from: bytes.count) == [])
            #expect(try spool?.contents(from: 100, count: 5) == Array(bytes[100..<105]))
            #expect(depot.usage().pendingSizeBytes == 3 * 4096)
            #expect(try test.names(in: "unfinished").isEmpty)
            spool = nil
            #expect(depot.usage().pendingSizeBytes == 0)
        },
        DepotRule(testDescription: "a spool makes room, all at once where its size is known") {
            test in
            let depot = try test.open(blocks: 8)
            for number in 0..<4 { try depot.put(Sample(number)) }
            var spool: Spool? = try depot.makeSpool(expectedBytes: 3 * 4096)
            #expect(try depot.list(limit: 9).count == 2)
            #expect(depot.usage().pendingSizeBytes == 3 * 4096)
            // More than was expected is fine as long as there is room.
            try spool?.append([UInt8](repeating: 1, count: 5 * 4096))
            #expect(try depot.list(limit: 9).count == 1)
            #expect(depot.usage().pendingSizeBytes == 5 * 4096)
            spool = nil
            #expect(depot.usage().pendingSizeBytes == 0)
        },
        DepotRule(testDescription: "a spool that does not fit keeps what it has") {
            test in
            let depot = try test.open(blocks: 4)
            try depot.put(Sample(1))
            #expect { try depot.makeSpool(expectedBytes: 5 * 4096) } throws: { error in
                guard case DepotError.full(20480, 16384) = error else { return false }
                return true
            }
            let reader = try depot.open(Sample(1).key)
            let spool = try depot.makeSpool()
            try spool.append([1, 2, 3])
            #expect { try spool.append([UInt8](repeating: 0, count: 9000)) } throws: { error in
                guard case DepotError.full = error else { return false }
                return true
            }
            #expect(try spool.contents() == [1, 2, 3])
            try spool.append([4])
            #expect(try spool.contents() == [1, 2, 3, 4])
            #expect(try reader?.contents() == Sample(1).bytes)
        },
        DepotRule(testDescription: "room is not taken from a spool") { test in
            let depot = try test.open(blocks: 4)
            let spool = try depot.makeSpool(expectedBytes: 2 * 4096)
            try depot.put(Sample(1))
            #expect { try depot.put(Sample(2, blocks: 2)) } throws: { error in
                guard case DepotError.full = error else { return false }
                return true
            }
            #expect(spool.sizeBytes == 0)
        },
    ]

    static let collection = [
        DepotRule(testDescription: "a collection takes the least recently used, as planned") {
            test in
            let depot = try test.open(blocks: 30)
            let samples = try (0..<5).map { try Sample($0, blocks: 1 + $0) }
            for sample in samples { try depot.put(sample) }
            _ = try depot.open(samples[0].key)
            let left = depot.usage().sizeBytes - 6 * 4096
            let plan = try depot.planCollection(downTo: left)
            #expect(plan.map(\.key) == [samples[1].key, samples[2].key])
            #expect(plan.map(\.sizeBytes) == [3 * 4096, 4 * 4096])
            #expect(plan[0].lastUsedAt < plan[1].lastUsedAt)
            #expect(abs(plan[0].lastUsedAt.timeIntervalSinceNow) < 600)
            #expect(try depot.list(limit: 9).count == 5)
            #expect(try depot.collect(downTo: left) == plan)
            #expect(try depot.list(limit: 9).count == 3)
            #expect(try test.narInfoNames().count == 3)
            #expect(try depot.planCollection(downTo: left) == [])
            #expect(try depot.collect(downTo: 0).count == 3)
            #expect(try test.occupiedBytes() == 0)
        },
        DepotRule(testDescription: "a collection leaves what is being read") { test in
            let depot = try test.open()
            for number in 0..<3 { try depot.put(Sample(number)) }
            let reader = try depot.open(Sample(1).key)
            #expect(try depot.planCollection(downTo: 0).count == 2)
            #expect(try depot.collect(downTo: 0).count == 2)
            #expect(try reader?.contents() == Sample(1).bytes)
            #expect(try depot.narInfo(for: Sample(1).key.storeHash) != nil)
        },
    ]
}
