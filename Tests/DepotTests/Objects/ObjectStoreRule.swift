// SPDX-License-Identifier: Apache-2.0
import Depot
import Dispatch
import NixFormat
import Testing

/// One rule that every ``Depot/ObjectStore`` must keep.
struct ObjectStoreRule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Is handed what opens the same empty storage each time, as a new process would.
    let check: @Sendable (_ open: () throws -> any ObjectStore) throws -> Void

    static let all = objects + texts + partials + everything
}

extension ObjectStoreRule {
    static let objects = [
        ObjectStoreRule(testDescription: "an object is seen when it is published, not before") {
            open in
            let store = try open()
            let sample = try Sample(1, blocks: 3)
            let writer = try store.begin(sample.key)
            try writer.append(sample.bytes)
            try writer.finish()
            #expect(try store.find(sample.key) == nil)
            #expect(try store.open(sample.key) == nil)
            try writer.publish()
            for store in [store, try open()] {
                #expect(try store.find(sample.key)?.sizeBytes == UInt64(sample.bytes.count))
                #expect(try store.contents(of: sample.key) == sample.bytes)
            }
        },
        ObjectStoreRule(testDescription: "what is abandoned or let go was never there") { open in
            let store = try open()
            let key = try Sample(2).key
            let writer = try store.begin(key)
            try writer.append([1, 2, 3])
            writer.abandon()
            writer.abandon()
            do { try store.begin(key).append([1]) }
            #expect(try store.find(key) == nil)
            #expect(try store.names().isEmpty)
        },
        ObjectStoreRule(testDescription: "an empty object is an object") { open in
            let store = try open()
            let key = try Sample(3).key
            try store.put(key, [])
            #expect(try store.find(key)?.sizeBytes == 0)
            #expect(try store.contents(of: key) == [])
        },
        ObjectStoreRule(testDescription: "of two writers of one key the last to publish wins whole")
        {
            open in
            let store = try open()
            let key = try Sample(4).key
            let (first, second) = (try store.begin(key), try store.begin(key))
            try first.append([1, 1, 1])
            try second.append([2])
            try second.append([2])
            try first.finish()
            try second.finish()
            try second.publish()
            #expect(try store.contents(of: key) == [2, 2])
            try first.publish()
            #expect(try store.contents(of: key) == [1, 1, 1])
            #expect(try store.names() == [.object(key)])
        },
        ObjectStoreRule(testDescription: "an abandoned writer harms nobody else's object") { open in
            let store = try open()
            let key = try Sample(5).key
            try store.put(key, [1])
            do {
                let writer = try store.begin(key)
                try writer.append([2])
                writer.abandon()
            }
            #expect(try store.contents(of: key) == [1])
        },
        ObjectStoreRule(testDescription: "any part is read, and nothing past the end") { open in
            let store = try open()
            let sample = try Sample(6, blocks: 4)
            try store.put(sample.key, sample.bytes)
            let object = try #require(try store.open(sample.key))
            let end = sample.bytes.count
            #expect(object.sizeBytes == UInt64(end))
            #expect(try object.contents(from: 5000, count: 9) == Array(sample.bytes[5000..<5009]))
            #expect(try object.contents(from: UInt64(end) - 3, count: 9) == sample.bytes.suffix(3))
            #expect(try object.contents(from: UInt64(end), count: 9) == [])
            #expect(try object.contents(from: .max, count: 9) == [])
        },
        ObjectStoreRule(testDescription: "removing takes effect at once, twice, and for no reader")
        {
            open in
            let store = try open()
            let sample = try Sample(7)
            try store.remove(sample.key)
            try store.put(sample.key, sample.bytes)
            let object = try #require(try store.open(sample.key))
            try store.remove(sample.key)
            try store.remove(sample.key)
            try store.sync()
            #expect(try store.find(sample.key) == nil)
            #expect(try open().open(sample.key) == nil)
            #expect(try object.contents(from: 0, count: 9000) == sample.bytes)
            try store.put(sample.key, [1])
            #expect(try object.contents(from: 0, count: 9000) == sample.bytes)
        },
        ObjectStoreRule(testDescription: "many threads write, read and remove at once") { open in
            let store = try open()
            let samples = try (0..<8).map { try Sample($0, blocks: 2) }
            DispatchQueue.concurrentPerform(iterations: 6) { worker in
                for turn in 0..<30 {
                    let sample = samples[(turn * 5 + worker) % samples.count]
                    do {
                        try store.put(sample.key, sample.bytes)
                        let found = try store.contents(of: sample.key)
                        #expect(found == nil || found == sample.bytes)
                        if turn % 4 == 0 { try store.remove(sample.key) }
                    } catch {
                        Issue.record(error)
                    }
                }
            }
        },
    ]

    static let texts = [
        ObjectStoreRule(testDescription: "a text is what was written last, also after a restart") {
            open in
            let store = try open()
            let name = TextName.narInfo(try Sample(1).key.storeHash)
            #expect(try store.read(name) == nil)
            try store.replace(name, with: [1, 2, 3])
            #expect(try store.read(name) == [1, 2, 3])
            try store.replace(name, with: [])
            #expect(try store.read(name) == [])
            try store.replace(name, with: [4])
            #expect(try open().read(name) == [4])
            #expect(try store.read(.cacheInfo) == nil)
        },
        ObjectStoreRule(testDescription: "a text is removed at once, and twice") { open in
            let store = try open()
            let name = TextName.narInfo(try Sample(2).key.storeHash)
            try store.replace(name, with: [1])
            try store.remove(name)
            try store.remove(name)
            try store.sync()
            #expect(try store.read(name) == nil)
            #expect(try open().names().isEmpty)
        },
        ObjectStoreRule(testDescription: "readers of a text get one version or the other") { open in
            let store = try open()
            let name = TextName.narInfo(try Sample(3).key.storeHash)
            let versions = (0..<4).map { [UInt8](repeating: $0, count: 5000 * (Int($0) + 1)) }
            try store.replace(name, with: versions[0])
            DispatchQueue.concurrentPerform(iterations: 4) { worker in
                for turn in 0..<20 {
                    do {
                        if worker < 2 {
                            try store.replace(name, with: versions[(turn + worker) % 4])
                        } else {
                            let text = try #require(try store.read(name))
                            #expect(versions.contains(text))
                        }
                    } catch {
                        Issue.record(error)
                    }
                }
            }
        },
    ]

    static let everything = [
        ObjectStoreRule(testDescription: "all that is stored is gone through, objects before texts")
        {
            open in
            let store = try open()
            let keys = try (0..<5).map { try Sample($0).key }
            let texts = keys.map { TextName.narInfo($0.storeHash) } + [.cacheInfo]
            for text in texts { try store.replace(text, with: [1]) }
            for key in keys { try store.put(key, [1]) }
            var names: [StoredName] = []
            try open().forEachName { names.append($0) }
            #expect(Set(names.prefix(5)) == Set(keys.map(StoredName.object)))
            #expect(Set(names.dropFirst(5)) == Set(texts.map(StoredName.text)))
            #expect(names.count == 11)
        },
        ObjectStoreRule(testDescription: "what is shown may be removed meanwhile") { open in
            let store = try open()
            for number in 0..<50 { try store.put(Sample(number).key, [1]) }
            try store.forEachName { name in
                if case .object(let key) = name { try store.remove(key) }
            }
            #expect(try store.names().isEmpty)
        },
        ObjectStoreRule(testDescription: "what a lost process has left unfinished is removed") {
            open in
            let store = try open()
            try store.put(Sample(1).key, [1])
            let writer = try store.begin(Sample(2).key)
            try writer.append([1, 2, 3])
            // A writer of this process is no leftover.
            #expect(try store.names() == [.object(Sample(1).key)])
            let next = try open()
            _ = try next.removeUnfinished()
            #expect(try next.names() == [.object(Sample(1).key)])
            #expect(try next.removeUnfinished() == 0)
        },
    ]
}

extension ObjectWriting {
    func append(_ bytes: [UInt8]) throws {
        try unsafe bytes.withUnsafeBytes { try unsafe append($0) }
    }
}

extension ObjectReading {
    func contents(from offset: UInt64, count: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let got = try unsafe buffer.withUnsafeMutableBytes { bytes in
            try unsafe read(at: offset, into: bytes)
        }
        return Array(buffer.prefix(got))
    }
}

extension ObjectStore {
    func put(_ key: ObjectKey, _ bytes: [UInt8]) throws {
        let writer = try begin(key)
        try writer.append(bytes)
        try writer.finish()
        try writer.publish()
    }

    func contents(of key: ObjectKey) throws -> [UInt8]? {
        guard let object = try open(key) else { return nil }
        return try object.contents(from: 0, count: Int(object.sizeBytes))
    }

    func names() throws -> Set<StoredName> {
        var names: Set<StoredName> = []
        try forEachName { names.insert($0) }
        return names
    }
}
