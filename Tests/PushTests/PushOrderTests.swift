// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import PushTestSupport
import Testing

@testable import Push

@Suite struct PushOrderTests {
    /// Whatever ends first, fails or is to come again, nothing is committed before what it refers to,
    /// all that can be is, and what cannot is said to have fallen.
    @Test(arguments: 0..<200, [1, 3, 100])
    func aPathComesAfterThoseItRefersTo(_ seed: Int, _ atOnce: Int) throws {
        var random = Seeded(UInt64(seed))
        let infos = try Self.graph(&random, count: 40)
        let places = Dictionary(uniqueKeysWithValues: infos.enumerated().map { ($1.path, $0) })
        let references = infos.map { info in
            info.references.filter { $0 != info.path }.compactMap { places[$0] }
        }
        var order = PushOrder(infos)
        var sending: [Int] = []
        var batches: [[Int]] = []
        var paused: [Int] = []
        var done: Set<Int> = []
        var failed: Set<Int> = []
        while true {
            while sending.count < 5, let next = order.nextToSend() { sending.append(next) }
            while batches.count < 2 {
                let batch = order.nextToCommit(atMost: atOnce)
                guard !batch.isEmpty else { break }
                #expect(batch.count <= atOnce)
                var before = done
                for place in batch {
                    #expect(before.isSuperset(of: references[place]))
                    before.insert(place)
                }
                batches.append(batch)
            }
            if sending.isEmpty, batches.isEmpty, paused.isEmpty { break }
            let fails = random.next(20) == 0
            switch random.next(3) {
            case 0 where !paused.isEmpty:
                order.pauseEnded(paused.remove(at: random.next(paused.count)))
            case 1 where !sending.isEmpty:
                let place = sending.remove(at: random.next(sending.count))
                if fails || failed.contains(place) {
                    failed.formUnion(order.failed(place) + [place])
                } else {
                    let isWanted = order.staged(place)
                    #expect(isWanted)
                }
            default:
                guard !batches.isEmpty else { continue }
                for place in batches.remove(at: random.next(batches.count))
                where !failed.contains(place) {
                    guard done.isSuperset(of: references[place]) else {
                        let waits = order.waitForReferences(place)
                        #expect(waits)
                        continue
                    }
                    let waits = order.waitForReferences(place)
                    #expect(!waits)
                    switch random.next(12) {
                    case 0: failed.formUnion(order.failed(place) + [place])
                    case 1: order.sendAgain(place)
                    case 2:
                        order.pause(place)
                        paused.append(place)
                    default:
                        order.committed(place)
                        done.insert(place)
                    }
                }
            }
        }
        #expect(done.isDisjoint(with: failed))
        #expect(done.union(failed).count == infos.count)
        for place in done { #expect(failed.isDisjoint(with: references[place])) }
    }

    @Test func aWholeChainIsOneBatch() throws {
        let paths = try (0..<10).map { try FolderStore.path($0) }
        let infos = paths.enumerated().map { number, path in
            PathInfo(
                id: Int64(number),
                path: path,
                narHash: SHA256Hasher.hash([]),
                narSizeBytes: 1,
                references: Array(paths[max(0, number - 1)..<number])
            )
        }
        var order = PushOrder(infos)
        while let place = order.nextToSend() { _ = order.staged(place) }
        #expect(next(&order) { $0.nextToCommit(atMost: 4) } == [0, 1, 2, 3])
        // The rest needs what is under way.
        #expect(next(&order) { $0.nextToCommit(atMost: 100) } == [])
        for place in 0..<4 { order.committed(place) }
        #expect(next(&order) { $0.nextToCommit(atMost: 100) } == [4, 5, 6, 7, 8, 9])
    }

    @Test func aStoppedOrderBeginsNothing() throws {
        var random = Seeded(1)
        var order = PushOrder(try Self.graph(&random, count: 5))
        #expect(next(&order) { $0.nextToSend() } == 0)
        order.stop()
        #expect(next(&order) { $0.nextToSend() } == nil)
        _ = order.staged(0)
        #expect(next(&order) { $0.nextToCommit(atMost: 10) } == [])
    }

    private func next<Value>(
        _ order: inout PushOrder,
        _ body: (inout PushOrder) -> Value
    ) -> Value { body(&order) }

    /// Dependencies first; some refer to themselves.
    static func graph(_ random: inout Seeded, count: Int) throws -> [PathInfo] {
        var paths: [StorePath] = []
        return try (0..<count).map { number in
            let path = try FolderStore.path(number)
            var references = (0..<random.next(4)).compactMap { _ in
                paths.isEmpty ? nil : paths[random.next(paths.count)]
            }
            if random.next(3) == 0 { references.append(path) }
            paths.append(path)
            return PathInfo(
                id: Int64(number + 1),
                path: path,
                narHash: SHA256Hasher.hash([]),
                narSizeBytes: 100,
                references: references
            )
        }
    }
}

/// Numbers that are the same for the same seed.
struct Seeded {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(truncatingIfNeeded: (state >> 33) % UInt64(bound))
    }
}
