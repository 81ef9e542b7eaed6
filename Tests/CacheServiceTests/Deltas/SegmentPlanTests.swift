// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat
import Testing

@Suite struct SegmentPlanTests {
    private func listing(_ files: [(path: String, sizeBytes: UInt64)]) -> NARListing {
        var builder = NARListingBuilder()
        builder.beginDirectory()
        for (path, sizeBytes) in files {
            builder.beginEntry(name: Array(path.utf8))
            builder.regularFile(isExecutable: false, sizeBytes: sizeBytes)
            builder.endEntry()
        }
        builder.endDirectory()
        return builder.finish()
    }

    private func plan(
        _ target: [(path: String, sizeBytes: UInt64)],
        _ base: [(path: String, sizeBytes: UInt64)],
        baseSizeBytes: UInt64 = 1 << 40
    ) -> SegmentPlan {
        SegmentPlan(target: listing(target), base: listing(base), baseSizeBytes: baseSizeBytes)
    }

    @Test func filesOfTheSamePathOrThatDifferInDigitsAreHeldTogether() {
        let target = [(path: "a", sizeBytes: UInt64(500_000)), ("lib.so.3.1", 500_000)]
        let base = [(path: "b", sizeBytes: UInt64(500_000)), ("lib.so.3.0", 500_000)]
        let plan = plan(target, base)
        #expect(plan.stretches(for: 0..<400_000).isEmpty)
        let stretches = plan.stretches(for: 600_000..<900_000)
        #expect(stretches.count == 1)
        #expect(stretches.first.map { $0.lowerBound > 499_000 && $0.count >= 500_000 } == true)
        #expect(self.plan([("a", 10)], [("b", 10)]).isEmpty)
    }

    @Test func ofALargeFileTheSurroundingsAreTaken() throws {
        let plan = plan([("big", 100 << 20)], [("big", 110 << 20)])
        let stretch = try #require(plan.stretches(for: (40 << 20)..<(44 << 20)).first)
        #expect(stretch.lowerBound < 40 << 20 && stretch.lowerBound > 38 << 20)
        #expect(stretch.upperBound > 51 << 20 && stretch.upperBound < 53 << 20)
    }

    /// Whatever the trees are like, a segment stays within its bounds.
    @Test func stretchesKeepTheirBounds() {
        let many = (0..<3_000).map {
            (path: "\(1_000_000 + $0)", sizeBytes: UInt64(40_000 + $0))
        }
        // In another order, so that what belongs together lies far apart.
        let base = many.map { (path: $0.path, sizeBytes: $0.sizeBytes * 2) }
        let plan = plan(many, base, baseSizeBytes: 250_000_000)
        for start in stride(from: UInt64(0), to: 120_000_000, by: 4 << 20) {
            let stretches = plan.stretches(for: start..<start + (4 << 20))
            #expect(!stretches.isEmpty && stretches.count <= 64)
            #expect(stretches.reduce(0) { $0 + $1.count } <= 12 << 20)
            #expect(stretches.allSatisfy { !$0.isEmpty && $0.upperBound <= 250_000_000 })
            #expect(
                zip(stretches, stretches.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
            )
        }
    }
}
