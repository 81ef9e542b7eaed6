// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import Testing

extension DepotRule {
    static let space = [
        DepotRule(testDescription: "the least recently used object makes room") { test in
            let depot = try test.open(blocks: 6)
            let samples = try (0..<4).map { try Sample($0) }
            for sample in samples[..<3] { try depot.put(sample) }
            _ = try depot.open(samples[0].key)
            _ = try depot.find(samples[1].key)
            try depot.put(samples[3])
            let left = Set(try depot.list(limit: 10))
            #expect(left == Set([0, 2, 3].map { samples[$0].key }))
        },
        DepotRule(testDescription: "the order of use survives a restart") { test in
            let samples = try (0..<4).map { try Sample($0) }
            do {
                let depot = try test.open(blocks: 6)
                for sample in samples[..<3] { try depot.put(sample) }
                _ = try depot.open(samples[0].key)
            }
            let depot = try test.open(blocks: 6)
            try depot.put(samples[3])
            #expect(try depot.find(samples[0].key) != nil)
            #expect(try depot.find(samples[1].key) == nil)
        },
        DepotRule(testDescription: "what is being read is not evicted") { test in
            let depot = try test.open(blocks: 4)
            try depot.put(Sample(1))
            try depot.put(Sample(2))
            let first = try depot.open(Sample(1).key)
            try depot.put(Sample(3))
            #expect(try depot.find(Sample(2).key) == nil)
            let third = try depot.open(Sample(3).key)
            #expect { try depot.put(Sample(4)) } throws: { error in
                guard case DepotError.full(4096, 16384) = error else { return false }
                return true
            }
            #expect(try depot.find(Sample(1).key) != nil)
            #expect(try depot.find(Sample(3).key) != nil)
            #expect(try first?.contents() == Sample(1).bytes)
            #expect(try third?.contents() == Sample(3).bytes)
            #expect(depot.usage().pendingSizeBytes == 0)
        },
        DepotRule(testDescription: "an object larger than the bound evicts nothing") { test in
            let depot = try test.open(blocks: 3)
            try depot.put(Sample(1))
            #expect(throws: DepotError.self) { try depot.put(Sample(2, blocks: 4)) }
            #expect(try depot.find(Sample(1).key) != nil)
            #expect(try test.names(in: "unfinished").isEmpty)
        },
        DepotRule(testDescription: "files never take more than the bound, unfinished ones included")
        {
            test in
            let depot = try test.open(blocks: 10) { _ in
                let occupied = try test.occupiedBytes()
                #expect(occupied <= 10 * 4096)
            }
            for number in 0..<30 {
                let sample = try Sample(number, blocks: 1 + number % 7)
                let pending = try depot.begin(sample.key)
                for start in stride(from: 0, to: sample.bytes.count, by: 3000) {
                    try pending.write(Array(sample.bytes[start...].prefix(3000)))
                }
                if number % 5 == 0 {
                    pending.abandon()
                } else {
                    _ = try pending.commit(describedBy: sample.narInfo)
                }
            }
        },
        DepotRule(testDescription: "room is not taken from an object that is being written") {
            test in
            let depot = try test.open(blocks: 4)
            let first = try depot.begin(Sample(1).key)
            try first.write(Sample(1).bytes)
            try depot.put(Sample(2))
            try depot.put(Sample(3))
            _ = try first.commit(describedBy: Sample(1).narInfo)
            #expect(try depot.contents(of: Sample(1).key) == Sample(1).bytes)
            #expect(try depot.find(Sample(3).key) != nil)
        },
    ]
}
