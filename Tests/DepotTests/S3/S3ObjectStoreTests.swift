// SPDX-License-Identifier: Apache-2.0
import Depot
import FirnTestSupport
import Foundation
import NixFormat
import Testing

@Suite(.objectStore, .enabled(if: ObjectStoreStand.whatIsMissing == nil))
struct S3ObjectStoreTests {
    @Test(arguments: ObjectStoreRule.all)
    func keepsTheObjectStoreRules(_ rule: ObjectStoreRule) async throws {
        try await TestBucket.with { test in try rule.check { try test.open() } }
    }

    @Test func aLargeObjectGoesUpInPartsAndComesBackWhole() async throws {
        try await TestBucket.with { test in
            let store = try test.open(localBytes: 64 << 20)
            let sample = try Sample(1, sizeBytes: 23_000_001)
            let writer = try store.begin(sample.key)
            for start in stride(from: 0, to: sample.bytes.count, by: 1_000_003) {
                try writer.append(
                    Array(sample.bytes[start..<min(start + 1_000_003, sample.bytes.count)])
                )
            }
            #expect(try store.find(sample.key) == nil)
            try writer.finish()
            try writer.publish()
            // One that begins it, its parts, and one that ends it.
            #expect(store.requestCounts["PUT"] == 5)
            #expect(store.requestCounts["POST"] == 2)
            #expect(store.room.takenBytes == 0)
            let object = try #require(try test.open().open(sample.key))
            #expect(try object.contents(from: 0, count: 23_000_001) == sample.bytes)
            let tail = try object.contents(from: 22_999_990, count: 99)
            #expect(tail == Array(sample.bytes.suffix(11)))
        }
    }

    @Test func anUploadWithoutAKeyGoesUpInPartsAsWell() async throws {
        try await TestBucket.with { test in
            let store = try test.open()
            let sample = try Sample(2, sizeBytes: 11_000_000)
            let writer = try store.beginUnnamed()
            try writer.append(sample.bytes)
            try writer.startFinishing()
            try writer.finish()
            writer.startShowing(as: sample.key)
            try writer.show(as: sample.key)
            #expect(try test.open().contents(of: sample.key) == sample.bytes)
            #expect(store.room.takenBytes == 0)
        }
    }

    @Test func readingOnIsOneRequestAndLookingAgainIsNone() async throws {
        try await TestBucket.with { test in
            let sample = try Sample(3, sizeBytes: 3_000_000)
            try test.open().put(sample.key, sample.bytes)
            try test.open().replace(.narInfo(sample.key.storeHash), with: [1])
            let store = try test.open()
            for _ in 0..<3 {
                #expect(try store.read(.narInfo(sample.key.storeHash)) == [1])
                #expect(try store.find(sample.key)?.sizeBytes == 3_000_000)
            }
            let object = try #require(try store.open(sample.key))
            for offset in stride(from: 0, to: 3_000_000, by: 100_000) {
                let part = try object.contents(from: UInt64(offset), count: 100_000)
                #expect(part == Array(sample.bytes[offset..<offset + 100_000]))
            }
            #expect(store.requestCounts == ["HEAD": 1, "GET": 2])
        }
    }

    @Test func whatLiesOnThisMachineIsBounded() async throws {
        try await TestBucket.with { test in
            let store = try test.open(localBytes: 4 << 20)
            let writer = try store.beginUnnamed()
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<4 { try writer.append(piece) }
            #expect(throws: DepotError.self) { try writer.append(piece) }
            writer.abandon()
            #expect(store.room.takenBytes == 0)
            let partial = try store.openPartial(PartialID(of: "large"))
            #expect(throws: DepotError.self) { try partial.write(piece, at: 8 << 20) }
            try partial.write(piece, at: 3 << 20)
            try partial.remove()
            #expect(store.room.takenBytes == 0)
        }
    }

    @Test func aListOfMoreThanAPageIsGoneThroughWhole() async throws {
        try await TestBucket.with { test in
            let store = try test.open()
            // As many texts of a cache, which go at once and without a request each.
            let cache = try #require(TextName(parsing: "caches/team/cache.json"))
            guard case .ofCache(let name, _) = cache else { return }
            var expected: Set<TextName> = []
            for number in 0..<1010 {
                expected.insert(.ofCache(name, .narInfo(try Sample(number).key.storeHash)))
            }
            let names = Array(expected)
            DispatchQueue.concurrentPerform(iterations: 10) { worker in
                for index in stride(from: worker, to: names.count, by: 10) {
                    do { try store.replace(names[index], with: [1]) } catch { Issue.record(error) }
                }
            }
            #expect(try test.open().names() == Set(expected.map(StoredName.text)))
            try store.removeCache(name)
            #expect(try test.open().names().isEmpty)
        }
    }

    @Test func aNARInfoOfACacheComesBackAsItWas() async throws {
        try await TestBucket.with { test in
            let store = try test.open()
            let name = try #require(
                TextName(parsing: "caches/team/\(Sample(1).key.storeHash).narinfo")
            )
            let text = Array("StorePath: x\nURL: nar/some.nar\nNarSize: 1\n".utf8)
            try store.replace(name, with: text)
            #expect(try test.open().read(name) == text)
        }
    }
}
