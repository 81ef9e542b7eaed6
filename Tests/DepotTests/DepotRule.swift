// SPDX-License-Identifier: Apache-2.0
import Depot
import Foundation
import NixFormat
import Testing

/// One rule that every depot must keep, whatever it keeps its objects in.
struct DepotRule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let check: @Sendable (TestDepot) throws -> Void

    static let all = visibility + writing + reading + narInfos + space + spools + collection
}

extension DepotRule {
    static let visibility = [
        DepotRule(testDescription: "nothing is seen before the commit has returned") { test in
            let depot = try test.open()
            let sample = try Sample(1)
            let pending = try depot.begin(sample.key)
            try pending.write(sample.bytes)
            #expect(try depot.find(sample.key) == nil)
            #expect(try depot.open(sample.key) == nil)
            #expect(try depot.list(limit: 10) == [])
            #expect(try test.names(in: "nar").isEmpty)
            #expect(depot.usage().objects == 0)
            #expect(try test.narInfoNames().isEmpty)
            _ = try pending.commit(describedBy: sample.narInfo)
            #expect(try depot.find(sample.key) != nil)
        },
        DepotRule(testDescription: "what was committed is found and read, also after a restart") {
            test in
            for form in NARForm.allCases {
                let sample = try Sample(2, blocks: 20, form: form)
                let info = try test.open().put(sample)
                #expect(info.sizeBytes == UInt64(sample.bytes.count))
                #expect(info.fileHash == SHA256Hasher.hash(sample.bytes))
                let reopened = try test.open()
                #expect(try reopened.find(sample.key) == info)
                #expect(try reopened.contents(of: sample.key) == sample.bytes)
            }
        },
        DepotRule(testDescription: "an object is a file of its own bytes, named by its key") {
            test in
            let sample = try Sample(3)
            try test.open().put(sample)
            let file = try Data(contentsOf: URL(filePath: test.path(of: sample.key)))
            #expect(Array(file) == sample.bytes)
        },
        DepotRule(testDescription: "keys are listed by page, in the order of their text") { test in
            let depot = try test.open()
            let keys = try (0..<7).map { try depot.put(Sample($0)).key }
            let sorted = keys.sorted { "\($0)" < "\($1)" }
            #expect(try depot.list(limit: 4) == Array(sorted[..<4]))
            #expect(try depot.list(after: sorted[3], limit: 4) == Array(sorted[4...]))
        },
        DepotRule(testDescription: "the two forms of a NAR are two objects") { test in
            let depot = try test.open()
            let identity = try Sample(4, form: .identity)
            let hashes = (identity.key.storeHash, identity.key.narHash)
            try depot.put(identity)
            let other = try ObjectKey(storeHash: hashes.0, narHash: hashes.1, form: .zstd)
            #expect(try depot.find(other) == nil)
        },
    ]

    static let writing = [
        DepotRule(testDescription: "what is abandoned or let go leaves nothing") { test in
            let depot = try test.open()
            let sample = try Sample(10)
            let pending = try depot.begin(sample.key)
            try pending.write(sample.bytes)
            pending.abandon()
            pending.abandon()
            do {
                let other = try depot.begin(sample.key)
                try other.write(sample.bytes)
            }
            #expect(try test.occupiedBytes() == 0)
            #expect(try test.names(in: "unfinished").isEmpty)
            #expect(depot.usage().pendingSizeBytes == 0)
            try depot.put(sample)
        },
        DepotRule(testDescription: "a second writer of a key is refused until the first has ended")
        {
            test in
            let depot = try test.open()
            let sample = try Sample(11)
            let first = try depot.begin(sample.key)
            #expect { try depot.begin(sample.key) } throws: { error in
                guard case DepotError.alreadyBeingWritten(sample.key) = error else { return false }
                return true
            }
            try first.write(sample.bytes)
            first.abandon()
            try depot.put(sample)
        },
        DepotRule(testDescription: "a stored object cannot be begun again, and does not change") {
            test in
            let depot = try test.open()
            let sample = try Sample(12)
            let info = try depot.put(sample)
            for _ in 0..<2 {
                #expect { try depot.begin(sample.key) } throws: { error in
                    guard case DepotError.alreadyStored(sample.key) = error else { return false }
                    return true
                }
            }
            #expect(try depot.find(sample.key) == info)
        },
        DepotRule(testDescription: "an identity NAR with other bytes than its name says is refused")
        {
            test in
            let depot = try test.open()
            let sample = try Sample(13, form: .identity)
            let pending = try depot.begin(sample.key)
            try pending.write(sample.bytes + [0])
            #expect { try pending.commit(describedBy: sample.narInfo) } throws: { error in
                guard case DepotError.mismatch(sample.key, _) = error else { return false }
                return true
            }
            #expect(try test.occupiedBytes() == 0)
            try depot.put(sample)
        },
        DepotRule(testDescription: "an empty object is an object") { test in
            let depot = try test.open()
            let sample = try Sample(14, sizeBytes: 0)
            try depot.put(sample)
            #expect(try depot.contents(of: sample.key) == [])
        },
        DepotRule(testDescription: "pieces of any size make the same object") { test in
            let depot = try test.open()
            let sample = try Sample(15, blocks: 3)
            let pending = try depot.begin(sample.key)
            for byte in sample.bytes.prefix(5000) { try pending.write([byte]) }
            try pending.write([])
            try pending.write(Array(sample.bytes.dropFirst(5000)))
            #expect(
                try pending.commit(describedBy: sample.narInfo).fileHash
                    == SHA256Hasher.hash(sample.bytes)
            )
            #expect(depot.usage().sizeBytes == 4 * 4096)
        },
    ]

    static let reading = [
        DepotRule(testDescription: "any part can be read, and nothing past the end") { test in
            let depot = try test.open()
            let sample = try Sample(20, blocks: 4)
            try depot.put(sample)
            let object = try #require(try depot.open(sample.key))
            #expect(try object.contents(from: 5000, count: 100) == Array(sample.bytes[5000..<5100]))
            let end = sample.bytes.count
            #expect(try object.contents(from: end - 3, count: 100) == sample.bytes.suffix(3))
            #expect(try object.contents(from: end, count: 100) == [])
            #expect(try object.contents(from: .max, count: 100) == [])
        },
        DepotRule(testDescription: "removing disturbs no reader, and counts until the last is done")
        {
            test in
            let depot = try test.open()
            let sample = try Sample(21)
            try depot.put(sample)
            var object = try depot.open(sample.key)
            #expect(try depot.remove(sample.key))
            #expect(try !depot.remove(sample.key))
            #expect(try depot.find(sample.key) == nil)
            #expect(depot.usage().objects == 0)
            #expect(depot.usage().sizeBytes == 4096)
            #expect(try test.narInfoNames().isEmpty)
            #expect(try object?.contents() == sample.bytes)
            object = nil
            #expect(depot.usage().sizeBytes == 0)
        },
        DepotRule(testDescription: "an object whose file was taken away is gone, and can come back")
        {
            test in
            let depot = try test.open()
            let sample = try Sample(22)
            try depot.put(sample)
            try FileManager.default.removeItem(atPath: test.path(of: sample.key))
            #expect(try depot.find(sample.key) == nil)
            #expect(depot.usage().sizeBytes == 0)
            try depot.put(sample)
            #expect(try depot.contents(of: sample.key) == sample.bytes)
        },
        DepotRule(testDescription: "an object whose file was cut short is never handed out") {
            test in
            let depot = try test.open()
            let sample = try Sample(23)
            try depot.put(sample)
            let file = try #require(FileHandle(forWritingAtPath: test.path(of: sample.key)))
            try file.truncate(atOffset: 100)
            #expect(try depot.open(sample.key) == nil)
            #expect(try test.occupiedBytes() == 0)
        },
        DepotRule(testDescription: "a file cut short while it is read fails the read") { test in
            let depot = try test.open()
            let sample = try Sample(24)
            try depot.put(sample)
            let object = try #require(try depot.open(sample.key))
            let file = try #require(FileHandle(forWritingAtPath: test.path(of: sample.key)))
            try file.truncate(atOffset: 100)
            #expect(throws: DepotError.self) { try object.contents() }
            #expect(try depot.find(sample.key) == nil)
        },
    ]
}
