// SPDX-License-Identifier: Apache-2.0
package import FirnAPI

/// The strategies side by side, from what deployments really took: medians, and sums by tier.
///
/// Only deployments that came to what was asked, and changed something, are compared: what failed
/// early was quick for no merit of its strategy.
package struct StrategyComparison: Codable, Hashable, Sendable {
    /// What one strategy took.
    package struct Column: Codable, Hashable, Sendable {
        package var strategy: Receipt.Strategy
        package var deploys: Int
        package var took: Milliseconds
        /// Of the phases that any of the deployments had, in their order.
        package var phases: [Receipt.PhaseTime]
        /// Over the network to the host, compressed as they came; `nil` where nobody counted.
        package var fetchedBytes: UInt64?
        package var fetchedPaths: Int?
        /// What did not come over the network thanks to deltas; `nil` where there were none.
        package var savedBytes: UInt64?
        /// Unpacked bytes of all of its deployments, by the tier that gave them.
        package var tiers: [TierBytes]
        package var deployerBytes: UInt64?
        package var targetCPUSeconds: Double?
        package var targetWrittenBytes: UInt64?
        package var targetJoules: Double?
        /// Derivations built for a deployment, and where, by how often.
        package var built: Int?
        package var builtOn: [String]

        private enum CodingKeys: String, CodingKey {
            case strategy, deploys, took, phases, tiers, built
            case fetchedBytes = "fetched-bytes"
            case fetchedPaths = "fetched-paths"
            case savedBytes = "saved-bytes"
            case deployerBytes = "deployer-bytes"
            case targetCPUSeconds = "target-cpu-seconds"
            case targetWrittenBytes = "target-written-bytes"
            case targetJoules = "target-joules"
            case builtOn = "built-on"
        }
    }

    package struct TierBytes: Codable, Hashable, Sendable {
        package var tier: String
        package var narBytes: UInt64

        private enum CodingKeys: String, CodingKey {
            case tier
            case narBytes = "nar-bytes"
        }
    }

    /// Hosts that ran already what was asked for.
    package struct Skips: Codable, Hashable, Sendable {
        package var count: Int
        package var took: Milliseconds
    }

    package var columns: [Column]
    /// `nil` when there were none.
    package var unchanged: Skips?

    package init(_ receipts: [Receipt]) {
        let comparable = receipts.filter(Self.isComparable)
        let order: [Receipt.Strategy] = [.builder, .target, .here, .emergency]
        columns = order.compactMap { strategy in
            let of = comparable.filter { $0.strategy == strategy }
            return of.isEmpty ? nil : Column(strategy, of)
        }
        let skips = receipts.filter { $0.outcome == .unchanged }.map(\.took.duration)
        unchanged = Self.median(skips).map { time in
            Skips(count: skips.count, took: Milliseconds(time))
        }
    }

    private static func isComparable(_ receipt: Receipt) -> Bool {
        guard ["switch", "boot", "test"].contains(receipt.action) else { return false }
        switch receipt.outcome {
        case .done, .staged: return true
        case .previewed, .unchanged, .rolledBack, .refused, .unreachable, .interrupted, .failed,
            .unrecognised:
            return false
        }
    }

    /// The middle one; the lower of two middle ones.
    fileprivate static func median<Value: Comparable>(_ values: [Value]) -> Value? {
        values.isEmpty ? nil : values.sorted()[(values.count - 1) / 2]
    }
}

extension StrategyComparison.Column {
    fileprivate typealias Comparison = StrategyComparison

    fileprivate init(_ strategy: Receipt.Strategy, _ receipts: [Receipt]) {
        self.strategy = strategy
        deploys = receipts.count
        took = Milliseconds(Comparison.median(receipts.map(\.took.duration)) ?? .zero)
        phases = Self.phases(of: receipts)
        let pulls = receipts.compactMap(\.pull)
        fetchedBytes = Comparison.median(
            pulls.filter { $0.wireBytes > 0 || $0.paths == 0 }.map(\.wireBytes)
        )
        fetchedPaths = Comparison.median(pulls.map(\.paths))
        savedBytes = Comparison.median(pulls.compactMap(\.savedBytes))
        tiers = Self.tiers(of: pulls)
        deployerBytes = Comparison.median(receipts.compactMap(\.deployerBytes))
        targetCPUSeconds = Comparison.median(receipts.compactMap(\.use?.cpuSeconds))
        targetWrittenBytes = Comparison.median(receipts.compactMap(\.use?.writtenBytes))
        targetJoules = Comparison.median(receipts.compactMap { $0.energy?.joules })
        built = Comparison.median(receipts.compactMap(\.built?.count))
        var places: [String: Int] = [:]
        for receipt in receipts {
            if let built = receipt.built, built.count > 0 { places[built.on, default: 0] += 1 }
        }
        builtOn = places.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    }

    /// A phase that some deployments did not need counts among those that did.
    private static func phases(of receipts: [Receipt]) -> [Receipt.PhaseTime] {
        var names: [String] = []
        var times: [String: [Duration]] = [:]
        for phase in receipts.flatMap(\.phases) {
            if times[phase.phase] == nil { names.append(phase.phase) }
            times[phase.phase, default: []].append(phase.took.duration)
        }
        let order = Phase.allCases.map(\.rawValue)
        let known = order.filter { names.contains($0) }
        return (known + names.filter { !order.contains($0) }).compactMap { name in
            Comparison.median(times[name] ?? []).map {
                Receipt.PhaseTime(name, took: Milliseconds($0))
            }
        }
    }

    /// In the order in which pulls name them.
    private static func tiers(of pulls: [PullReport]) -> [StrategyComparison.TierBytes] {
        var sums: [StrategyComparison.TierBytes] = []
        for share in pulls.flatMap(\.tiers) where share.narBytes > 0 {
            if let known = sums.firstIndex(where: { $0.tier == share.name }) {
                sums[known].narBytes &+= share.narBytes
            } else {
                sums.append(.init(tier: share.name, narBytes: share.narBytes))
            }
        }
        return sums
    }
}

extension Energy {
    /// The wider of the two meters: a battery feeds the whole machine.
    package var joules: Double? { batteryJoules ?? packageJoules }
}
