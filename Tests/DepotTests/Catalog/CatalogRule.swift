// SPDX-License-Identifier: Apache-2.0
import Depot
import Dispatch
import NixFormat
import Testing

/// One rule that every ``Depot/Catalog`` must keep.
struct CatalogRule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Is handed what opens the same new catalog each time, as a new process would.
    let check: @Sendable (_ open: () throws -> any Catalog) throws -> Void

    static let all = states + queries + notes + whole
}

extension CatalogRule {
    static let states = [
        CatalogRule(testDescription: "an object is found from its presence until its departure") {
            open in
            let catalog = try open()
            let info = try Sample(1).info
            let id = try catalog.insertArriving(info, usedAt: 10)
            #expect(try catalog.find(info.key) == nil)
            #expect(try catalog.unsettled().map(\.state) == [.arriving])
            try catalog.markPresent(id, deleting: [])
            for catalog in [catalog, try open()] {
                let entry = try #require(try catalog.find(info.key))
                let record = CatalogRecord(
                    key: info.key,
                    sizeBytes: info.sizeBytes,
                    fileHash: info.fileHash,
                    narInfoSizeBytes: 0,
                    usedAt: 10
                )
                #expect(entry == CatalogEntry(id: id, state: .present, record: record))
                #expect(try catalog.unsettled().isEmpty)
            }
            #expect(try catalog.markDeparting(id)?.key == info.key)
            #expect(try catalog.find(info.key) == nil)
            #expect(try open().unsettled().map(\.state) == [.departing])
            try catalog.delete([id])
            #expect(try open().unsettled().isEmpty)
        },
        CatalogRule(testDescription: "only what is present departs, and once") { open in
            let catalog = try open()
            let id = try catalog.insertArriving(Sample(1).info, usedAt: 1)
            #expect(try catalog.markDeparting(id) == nil)
            try catalog.markPresent(id, deleting: [])
            #expect(try catalog.markDeparting(id)?.id == id)
            #expect(try catalog.markDeparting(id) == nil)
            try catalog.markPresent(id, deleting: [])
            #expect(try catalog.find(Sample(1).key)?.id == id)
            #expect(try catalog.markDeparting(id + 1) == nil)
        },
        CatalogRule(testDescription: "an arrival replaces its key's row, with another number") {
            open in
            let catalog = try open()
            let first = try catalog.add(Sample(1), usedAt: 1)
            _ = try catalog.markDeparting(first)
            let second = try catalog.add(Sample(1), usedAt: 2)
            #expect(first != second)
            #expect(try catalog.unsettled().isEmpty)
            try catalog.delete([first])
            #expect(try catalog.find(Sample(1).key)?.id == second)
            try catalog.delete([second])
            #expect(try open().insertArriving(Sample(1).info, usedAt: 3) > second)
        },
        CatalogRule(testDescription: "presence deletes rows as well, and the gone are fine") {
            open in
            let catalog = try open()
            let gone = try catalog.add(Sample(1), usedAt: 1)
            _ = try catalog.markDeparting(gone)
            let id = try catalog.insertArriving(Sample(2).info, usedAt: 2)
            try catalog.markPresent(id, deleting: [gone, 4711])
            try catalog.markPresent(4711, deleting: [])
            try catalog.delete([4711])
            #expect(try catalog.unsettled().isEmpty)
            #expect(try catalog.totals().objects == 1)
        },
    ]

    static let queries = [
        CatalogRule(testDescription: "totals are of what is present, in whole blocks") { open in
            let catalog = try open()
            #expect(
                try catalog.totals() == CatalogTotals(objects: 0, blockBytes: 0, lastUsedAt: 0)
            )
            for number in 0..<3 {
                try catalog.add(Sample(number, blocks: 1 + number), usedAt: Int64(10 + number))
            }
            _ = try catalog.insertArriving(Sample(7).info, usedAt: 99)
            let departing = try catalog.add(Sample(8), usedAt: 98)
            _ = try catalog.markDeparting(departing)
            let entry = try #require(try catalog.find(Sample(0).key))
            _ = try catalog.setNARInfoSize(4097, of: entry.id, among: entry.key.storeHash)
            let expected = CatalogTotals(objects: 3, blockBytes: 8 * 4096, lastUsedAt: 12)
            #expect(try catalog.totals() == expected)
            #expect(try open().totals() == expected)
        },
        CatalogRule(testDescription: "rows are listed by page, in the order of their keys' text") {
            open in
            let catalog = try open()
            for number in 0..<7 { try catalog.add(Sample(number), usedAt: Int64(number)) }
            _ = try catalog.insertArriving(Sample(8).info, usedAt: 1)
            let sorted = try (0..<7).map { try Sample($0).key }.sorted { "\($0)" < "\($1)" }
            #expect(try catalog.list(after: nil, limit: 4).map(\.key) == Array(sorted[..<4]))
            #expect(try catalog.list(after: sorted[3], limit: 4).map(\.key) == Array(sorted[4...]))
            #expect(try catalog.list(after: sorted[6], limit: 4).isEmpty)
        },
        CatalogRule(testDescription: "what should go first comes first, each once, page by page") {
            open in
            let catalog = try open()
            for number in 0..<10 {
                // Some at the same time: then by size, then by number.
                let sample = try Sample(number, blocks: 1 + number % 2)
                try catalog.add(sample, usedAt: Int64(number / 4))
            }
            _ = try catalog.insertArriving(Sample(20).info, usedAt: 0)
            var seen: [CatalogEntry] = []
            while true {
                let page = try catalog.leastRecentlyUsed(after: seen.last, limit: 3)
                guard !page.isEmpty else { break }
                seen += page
            }
            #expect(seen.count == 10)
            #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.age < $1.age })
        },
    ]

    static let notes = [
        CatalogRule(testDescription: "one object of a path has the narinfo, and it counts") {
            open in
            let catalog = try open()
            let identity = try Sample(1, form: .identity)
            let hash = identity.key.storeHash
            let first = try catalog.add(identity, usedAt: 1)
            let second = try catalog.add(identity.compressed(), usedAt: 2)
            let other = try catalog.add(Sample(2), usedAt: 3)
            let otherHash = try Sample(2).key.storeHash
            #expect(try catalog.setNARInfoSize(10, of: other, among: otherHash) == 0)
            #expect(try catalog.setNARInfoSize(5000, of: first, among: hash) == 0)
            #expect(try catalog.setNARInfoSize(20, of: second, among: hash) == 2 * 4096)
            let sizes = try open().list(after: nil, limit: 9)
                .reduce(into: [:]) { $0[$1.id] = $1.record.narInfoSizeBytes }
            #expect(sizes == [first: 0, second: 20, other: 10])
            _ = try catalog.markDeparting(second)
            #expect(try catalog.setNARInfoSize(0, of: nil, among: hash) == 0)
            #expect(try catalog.totals().blockBytes == 3 * 4096)
        },
        CatalogRule(testDescription: "uses change the order, and only of rows that are there") {
            open in
            let catalog = try open()
            let ids = try (0..<3).map { try catalog.add(Sample($0), usedAt: Int64($0)) }
            try catalog.setUses([ids[0]: 50, ids[1]: 40, 4711: 60])
            let order = try open().leastRecentlyUsed(after: nil, limit: 9)
            #expect(order.map(\.id) == [ids[2], ids[1], ids[0]])
            #expect(try catalog.totals().lastUsedAt == 50)
        },
        CatalogRule(testDescription: "a file's hash is replaced") { open in
            let catalog = try open()
            let id = try catalog.add(Sample(1), usedAt: 1)
            let hash = SHA256Hasher.hash([1, 2, 3])
            try catalog.setFileHash(hash, of: id)
            #expect(try open().find(Sample(1).key)?.record.fileHash == hash)
        },
    ]

    static let whole = [
        CatalogRule(testDescription: "a rebuild is everything or nothing") { open in
            struct Fault: Error {}
            let catalog = try open()
            #expect(try !catalog.isComplete())
            try catalog.add(Sample(1), usedAt: 1)
            let records = try (2..<5).map { number in
                CatalogRecord(
                    key: try Sample(number).key,
                    sizeBytes: 5000,
                    fileHash: nil,
                    narInfoSizeBytes: 300,
                    usedAt: Int64(number)
                )
            }
            #expect(throws: (any Error).self) {
                try catalog.rebuild { insert in
                    try insert(records[0])
                    throw Fault()
                }
            }
            #expect(try !open().isComplete())
            #expect(try catalog.find(Sample(1).key) != nil)
            try catalog.rebuild { insert in for record in records { try insert(record) } }
            #expect(try open().isComplete())
            let rows = try open().leastRecentlyUsed(after: nil, limit: 9)
            #expect(rows.map(\.record) == records)
            #expect(rows.allSatisfy { $0.state == .present })
            #expect(try catalog.totals().blockBytes == 9 * 4096)
        },
        CatalogRule(testDescription: "many threads at once lose nothing") { open in
            let catalog = try open()
            DispatchQueue.concurrentPerform(iterations: 4) { worker in
                for turn in 0..<15 {
                    do {
                        let sample = try Sample(worker * 100 + turn, sizeBytes: 10)
                        let id = try catalog.add(sample, usedAt: Int64(turn))
                        try catalog.setUses([id: Int64(1000 + turn)])
                        if turn % 3 == 0, try catalog.markDeparting(id) != nil {
                            try catalog.delete([id])
                        }
                    } catch {
                        Issue.record(error)
                    }
                }
            }
            #expect(try catalog.totals().objects == 40)
            #expect(try catalog.list(after: nil, limit: 99).allSatisfy { $0.record.usedAt >= 1000 })
            #expect(try catalog.unsettled().isEmpty)
        },
    ]
}

extension Sample {
    var info: ObjectInfo {
        ObjectInfo(key: key, sizeBytes: UInt64(bytes.count), fileHash: SHA256Hasher.hash(bytes))
    }
}

extension Catalog {
    @discardableResult
    func add(_ sample: Sample, usedAt: Int64) throws -> Int64 {
        let id = try insertArriving(sample.info, usedAt: usedAt)
        try markPresent(id, deleting: [])
        return id
    }
}
