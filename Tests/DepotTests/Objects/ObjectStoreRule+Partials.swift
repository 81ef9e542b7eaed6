// SPDX-License-Identifier: Apache-2.0
import Depot
import Dispatch
import NixFormat
import Testing

extension ObjectStoreRule {
    static let partials = [
        ObjectStoreRule(testDescription: "bytes come in any order, and are there in the next life")
        {
            open in
            let id = PartialID(of: "one")
            let first = try open().openPartial(id)
            try first.write([6, 7, 8], at: 6)
            try first.write([0, 1], at: 0)
            let again = try open().openPartial(id)
            #expect(again.have == [0..<2, 6..<9])
            #expect(try again.contents(from: 0, count: 9) == [0, 1])
            #expect(try again.contents(from: 2, count: 9) == [])
            try again.write([2, 3, 4, 5], at: 2)
            #expect(again.have == [0..<9])
            #expect(try again.contents(from: 1, count: 99) == Array(1...8))
            #expect(try open().listPartials().map(\.id) == [id])
            #expect(try open().listPartials().map(\.status.sizeBytes) == [9])
            #expect(try open().names().isEmpty)
        },
        ObjectStoreRule(testDescription: "what is there is never written over") { open in
            let partial = try open().openPartial(PartialID(of: "one"))
            try partial.write([1, 1, 1], at: 2)
            try partial.write([9, 9, 9, 9, 9, 9, 9], at: 0)
            #expect(try partial.contents(from: 0, count: 99) == [9, 9, 1, 1, 1, 9, 9])
        },
        ObjectStoreRule(
            testDescription: "a finished one becomes an object, and is no partial any more"
        ) {
            open in
            let (id, sample) = (PartialID(of: "one"), try Sample(1))
            let store = try open()
            let partial = try store.openPartial(id)
            try partial.write(sample.bytes + [0, 0], at: 0)
            let writer = try partial.finished(sizeBytes: UInt64(sample.bytes.count))
            #expect(throws: (any Error).self) { try partial.write([1], at: 9000) }
            try writer.finish()
            try writer.show(as: sample.key)
            try store.sync()
            for store in [store, try open()] {
                #expect(try store.contents(of: sample.key) == sample.bytes)
                #expect(try store.listPartials().isEmpty)
                #expect(try store.names() == [.object(sample.key)])
            }
            // Whoever still holds on to it changes nothing.
            #expect(throws: (any Error).self) { try partial.write([1], at: 9000) }
            #expect(try store.contents(of: sample.key) == sample.bytes)
        },
        ObjectStoreRule(
            testDescription: "one that was abandoned goes on, and a removed one does not"
        ) {
            open in
            let id = PartialID(of: "one")
            let store = try open()
            let partial = try store.openPartial(id)
            try partial.write([1], at: 0)
            try partial.finished(sizeBytes: 1).abandon()
            try partial.write([2], at: 1)
            #expect(try store.openPartial(id).have == [0..<2])
            try partial.remove()
            try partial.remove()
            #expect(try store.listPartials().isEmpty)
            #expect(try open().openPartial(id).have.isEmpty)
        },
        ObjectStoreRule(testDescription: "many threads bring the same bytes") { open in
            let partial = try open().openPartial(PartialID(of: "one"))
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            DispatchQueue.concurrentPerform(iterations: 8) { worker in
                for turn in 0..<40 {
                    let start = (turn * 7 + worker * 13) % 40 * 2500
                    do {
                        try partial.write(Array(bytes[start..<start + 2500]), at: UInt64(start))
                    } catch {
                        Issue.record(error)
                    }
                }
            }
            #expect(partial.have == [0..<100_000])
            #expect(try partial.contents(from: 0, count: 200_000) == bytes)
        },
    ]
}

extension PartialObject {
    func write(_ bytes: [UInt8], at offset: UInt64) throws {
        try unsafe bytes.withUnsafeBytes { try unsafe write($0, at: offset) }
    }

    func contents(from offset: UInt64, count: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let got = try unsafe buffer.withUnsafeMutableBytes { bytes in
            try unsafe read(at: offset, into: bytes)
        }
        return Array(buffer.prefix(got))
    }
}
