// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import NixFormat
import Testing

@Suite struct DeltaOrderTests {
    private func nar(_ number: Int) throws -> DeltaOrder.NAR {
        let hash = SHA256Hasher.hash(Array("\(number)".utf8))
        return DeltaOrder.NAR(
            storeHash: try StorePathHash(bytes: Array(hash.digest.prefix(20))),
            narHash: hash
        )
    }

    @Test func anOrderIsReadAsItIsWritten() throws {
        let order = DeltaOrder([
            .init(target: try nar(1), bases: [try nar(2), try nar(3)]),
            .init(target: try nar(4), bases: [try nar(5)]),
        ])
        #expect(DeltaOrder(parsing: order.write()) == order)
        #expect(FirnRoute(parsing: FirnRoute.deltas.path) == .deltas)
    }

    @Test func theLargestOrderFitsItsBound() throws {
        let wish = DeltaOrder.Wish(target: try nar(1), bases: try (2...5).map(nar))
        let order = DeltaOrder([DeltaOrder.Wish](repeating: wish, count: 500))
        #expect(order.wishes.count == DeltaOrder.maximumWishes)
        #expect(order.write().count <= DeltaOrder.maximumBytes)
        #expect(DeltaOrder(parsing: order.write()) == order)
    }

    @Test func whatIsNoOrderIsRefused() throws {
        let target = "\(try nar(1))"
        let base = "\(try nar(2))"
        let many = String(repeating: "\(target) \(base)\n", count: DeltaOrder.maximumWishes + 1)
        let texts = [
            "", "\n", target, "\(target)\n", "\(target) \(base)", "\(target)  \(base)\n",
            "\(target) \(base) \n", "\(target) x\n", "\(target) \(base)\n\n", many,
            "\(target) \(base) \(base) \(base) \(base) \(base)\n",
        ]
        for text in texts {
            #expect(DeltaOrder(parsing: Array(text.utf8)) == nil, "\(text.prefix(200))")
        }
    }
}
