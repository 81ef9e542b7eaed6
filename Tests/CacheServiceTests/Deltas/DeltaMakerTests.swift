// SPDX-License-Identifier: Apache-2.0
import Depot
import FirnTestSupport
import Foundation
import Logging
import NixFormat
import NixStore
import StoreTestSupport
import Testing

@testable import CacheService

@Suite struct DeltaMakerTests {
    private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let offer = DeltaOffer(
        bases: [],
        readsDCZ: true,
        readsSegments: false,
        readsZstd: false
    )

    private func nar(_ seed: UInt64, _ bytes: Int, in depot: NARDepot) throws -> LocalNAR {
        let contents = DeltaStand.nar(seed, bytes: bytes)
        let key = try DeltaStand.put(contents, as: .named("nar-\(seed)"), in: depot)
        return try LocalNAR(#require(try depot.open(key)))
    }

    private func withDepot(_ body: (NARDepot) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try await body(
                NARDepot.open(
                    DepotConfiguration(
                        directory: directory.path("depot"),
                        maximumSizeBytes: 1 << 30
                    ),
                    logger: silent
                )
            )
        }
    }

    /// Where nothing can be kept, slow clients do not fill the memory: the next one gets the file.
    @Test func whatSlowClientsHaveNotTakenHasABound() async throws {
        try await withDepot { depot in
            let maker = DeltaMaker(shelf: nil, logger: silent)
            let base = try nar(1, 10_000, in: depot)
            var held: [Content] = []
            for number in 2..<10 {
                let target = try nar(UInt64(number), 3 << 20, in: depot)
                let made = await maker.make(
                    target,
                    against: base,
                    for: Self.offer,
                    insteadOf: 1 << 40
                )
                if let made { held.append(made.content) }
            }
            #expect((4...6).contains(held.count))
            held = []
            let target = try nar(99, 3 << 20, in: depot)
            #expect(
                await maker.make(target, against: base, for: Self.offer, insteadOf: 1 << 40) != nil
            )
        }
    }

    /// What is kept is sent from its file, and its bytes are those that were made.
    @Test func whatIsKeptTakesNoMemory() async throws {
        try await withDepot { depot in
            let maker = DeltaMaker(shelf: depot.deltas, logger: silent)
            let base = try nar(1, 10_000, in: depot)
            let target = try nar(2, 1 << 20, in: depot)
            let made = await maker.make(
                target,
                against: base,
                for: Self.offer,
                insteadOf: 1 << 40
            )
            guard case .file(let file) = try #require(made).content else {
                Issue.record("not a file")
                return
            }
            #expect(file.sizeBytes > 1 << 20)
            #expect(try file.contents().prefix(4) == [0x5E, 0x2A, 0x4D, 0x18])
        }
    }

    /// A delta that is ready waits for none that is being made.
    @Test func whatIsKeptComesBesideTheMaking() async throws {
        try await withDepot { depot in
            let maker = DeltaMaker(shelf: depot.deltas, logger: silent)
            let base = try nar(1, 10_000, in: depot)
            let target = try nar(2, 1 << 20, in: depot)
            let first = await maker.make(target, against: base, for: Self.offer, insteadOf: 1 << 40)
            #expect(first != nil)
            let busy = DispatchSemaphore(value: 0)
            for _ in 0..<8 { #expect(maker.threads.submit { busy.wait() }) }
            let second = await maker.make(
                target,
                against: base,
                for: Self.offer,
                insteadOf: 1 << 40
            )
            for _ in 0..<8 { busy.signal() }
            #expect(second != nil)
            #expect(maker.figures.reused == 1)
        }
    }
}
