// SPDX-License-Identifier: Apache-2.0
import CacheService
import Depot
import FirnTestSupport
import Foundation
import GRDB
import NixFormat
import Testing

/// What a check finds of named caches that somebody else has changed, and what is left then.
@Suite struct ReferenceCheckTests {
    /// Something that goes wrong with path number 3 of a cache, or with what is above it.
    struct Defect: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: Set<DepotFinding.Kind>
        /// Whether nothing is wrong any more after a repair.
        var isRepaired = true
        /// What the folder of the cache has to suffer.
        let cause: @Sendable (_ cacheFolder: String, _ victim: PushedPath) throws -> Void
    }

    static let defects = [
        Defect(testDescription: "nothing", expected: []) { _, _ in },
        Defect(testDescription: "a row is lost", expected: [.missingReference]) { folder, victim in
            let catalog = try DatabaseQueue(path: "\(folder)/../../catalog.sqlite")
            try catalog.write { database in
                try database.execute(
                    sql: "DELETE FROM member WHERE path_hash = ?",
                    arguments: ["\(victim.hash)"]
                )
            }
        },
        Defect(
            testDescription: "a narinfo is taken away",
            expected: [.missingNARInfo, .missingReference]
        ) { folder, victim in
            try FileManager.default.removeItem(atPath: "\(folder)/\(victim.hash).narinfo")
        },
        Defect(
            testDescription: "a size is not the NAR's",
            expected: [.wrongNARSize]
        ) { folder, victim in
            try change("\(folder)/\(victim.hash).narinfo", "NarSize: ", "NarSize: 9")
        },
        Defect(
            testDescription: "a signature is somebody else's",
            expected: [.unsignedNARInfo],
            isRepaired: false
        ) { folder, victim in
            try change("\(folder)/\(victim.hash).narinfo", "Sig: team.test-1:", "Sig: team.test-2:")
        },
    ]

    private static func change(_ file: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.contains(old))
        try Data(text.replacing(old, with: new).utf8).write(to: URL(filePath: file))
    }

    private func check(
        _ test: PushedCache,
        isRepairing: Bool
    ) async throws -> [DepotFinding] {
        var findings: [DepotFinding] = []
        _ = try test.depot.check(
            isRepairing: isRepairing,
            verify: { try ObjectVerification.holdsItsNAR($0) },
            narSizeBytes: { try ObjectVerification.narSizeBytes(of: $0) },
            onFinding: { if $0.kind.isDefect { findings.append($0) } }
        )
        let unknown = try await ReferenceCheck(test.depot, tiers: [])
            .run(isRepairing: isRepairing) { findings.append($0) }
        #expect(unknown.isEmpty)
        return findings
    }

    @Test(arguments: defects)
    func everyDefectIsToldAndRepairLeavesWholeClosures(_ defect: Defect) async throws {
        let universe = try PushedPath.universe(12)
        try await withTemporaryDirectory { folder in
            let keyring = MemoryKeyring()
            let before = try PushedCache.open(folder.path("depot"), keyring)
            for path in universe {
                try await before.send(path)
                try await before.describe(path)
            }
            let directory = folder.path("changed")
            try FileManager.default.copyItem(atPath: folder.path("depot"), toPath: directory)
            try defect.cause("\(directory)/caches/\(PushedCache.name)", universe[3])
            let test = try PushedCache.open(directory, keyring)
            let told = try await check(test, isRepairing: false)
            let lasting = Set(told.map(\.kind))
            #expect(lasting.isSubset(of: defect.expected), "\(told)")
            #expect(lasting.isEmpty == defect.expected.isEmpty)
            let repaired = try await check(test, isRepairing: true)
            #expect(Set(repaired.map(\.kind)) == defect.expected, "\(repaired)")
            #expect(repaired.allSatisfy { $0.isRepaired == defect.isRepaired })
            let again = try await check(test, isRepairing: false)
            #expect(again.isEmpty == defect.isRepaired, "\(again)")
            guard defect.isRepaired else { return }
            let visible = try test.verify(universe, defect.testDescription)
            let isWhole = defect.expected.isEmpty
            #expect(visible.contains(universe[3].hash) == isWhole)
            #expect(visible.contains(universe[2].hash))
            // 6, 7, 9, 10 and 11 refer to 3; so does nothing else.
            #expect(visible.count == (isWhole ? 12 : 12 - 6))
            // What is hidden can come again.
            for path in universe {
                try await test.send(path)
                try await test.describe(path)
            }
            #expect(try test.verify(universe, "pushed again").count == 12)
        }
    }
}
