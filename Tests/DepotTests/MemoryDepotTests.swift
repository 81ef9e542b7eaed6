// SPDX-License-Identifier: Apache-2.0
import Depot
import Logging
import NixFormat
import Testing

/// The depot over contracts alone: nothing in it may need a file of an object.
@Suite struct MemoryDepotTests {
    private let objects = MemoryObjectStore()
    private let catalog = MemoryCatalog()

    @Test func keepsObjectsAndTheirNARInfos() throws {
        try TestDepot.withDirectory { test in
            let sample = try Sample(1)
            let info = try open(test).put(sample)
            let depot = try open(test)
            #expect(try depot.find(sample.key) == info)
            #expect(try depot.contents(of: sample.key) == sample.bytes)
            #expect(try depot.open(sample.key)?.localDescriptor == nil)
            #expect(try depot.narInfo(for: sample.key.storeHash)?.object == info)
            #expect(try depot.check(isRepairing: false) { _ in }.defects == 0)
        }
    }

    @Test func keepsItsBound() throws {
        try TestDepot.withDirectory { test in
            let depot = try open(test, blocks: 4)
            for number in 0..<4 { try depot.put(Sample(number)) }
            #expect(try depot.list(limit: 9).count == 2)
            #expect(try objects.names().count == 5)
        }
    }

    @Test func makesALostCatalogAgain() throws {
        try TestDepot.withDirectory { test in
            for number in 0..<3 { try open(test).put(Sample(number)) }
            let depot = try NARDepot.open(
                test.configuration(blocks: 100),
                objects: objects,
                catalog: MemoryCatalog(),
                logger: TestDepot.silent
            )
            #expect(depot.opening.rebuiltObjects == 3)
            #expect(depot.usage().sizeBytes == 6 * 4096)
            #expect(try depot.contents(of: Sample(2).key) == Sample(2).bytes)
        }
    }

    private func open(_ test: TestDepot, blocks: UInt64 = 100) throws -> NARDepot {
        try NARDepot.open(
            test.configuration(blocks: blocks),
            objects: objects,
            catalog: catalog,
            logger: TestDepot.silent
        )
    }
}
