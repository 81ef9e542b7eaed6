// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import PushTestSupport
import Testing

@testable import Push

@Suite struct PushOrderTests {
    /// Whatever ends first and whatever fails, nothing is completed before what it refers to, all
    /// that can be is, and what cannot is said to have fallen.
    @Test(arguments: 0..<200)
    func aNarinfoComesAfterThoseItRefersTo(_ seed: Int) throws {
        var random = Seeded(UInt64(seed))
        let infos = try Self.graph(&random, count: 40)
        let places = Dictionary(uniqueKeysWithValues: infos.enumerated().map { ($1.path, $0) })
        var order = PushOrder(infos)
        var sending: [Int] = []
        var completing: [Int] = []
        var done: Set<Int> = []
        var failed: Set<Int> = []
        while true {
            while sending.count < 5, let next = order.nextToSend() { sending.append(next) }
            while completing.count < 3, let next = order.nextToComplete() {
                completing.append(next)
            }
            if sending.isEmpty, completing.isEmpty { break }
            let isSending = completing.isEmpty || (!sending.isEmpty && random.next(2) == 0)
            let fails = random.next(20) == 0
            if isSending {
                let place = sending.remove(at: random.next(sending.count))
                if fails || failed.contains(place) {
                    failed.formUnion(order.failed(place) + [place])
                } else {
                    #expect(order.sent(place) == !failed.contains(place))
                }
            } else {
                let place = completing.remove(at: random.next(completing.count))
                if fails {
                    failed.formUnion(order.failed(place) + [place])
                } else {
                    for reference in infos[place].references where reference != infos[place].path {
                        #expect(done.contains(try #require(places[reference])))
                    }
                    order.completed(place)
                    done.insert(place)
                }
            }
        }
        #expect(done.isDisjoint(with: failed))
        #expect(done.union(failed).count == infos.count)
        for place in done {
            let needed = infos[place].references.compactMap { places[$0] }
            #expect(failed.isDisjoint(with: needed))
        }
    }

    @Test func aStoppedOrderBeginsNothing() throws {
        var random = Seeded(1)
        var order = PushOrder(try Self.graph(&random, count: 5))
        #expect(order.nextToSend() == 0)
        order.stop()
        #expect(order.nextToSend() == nil)
        _ = order.sent(0)
        #expect(order.nextToComplete() == nil)
    }

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
