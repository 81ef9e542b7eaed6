// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Fleet
import Foundation

/// Receipts as a deployment leaves them.
enum Sample {
    static func receipt(
        _ host: String,
        id: String,
        second: Double,
        strategy: Receipt.Strategy = .builder,
        outcome: Receipt.Outcome = .done
    ) -> Receipt {
        Receipt(
            id: id,
            host: host,
            by: "ana@razer",
            startedAt: Timestamp(Date(timeIntervalSince1970: 1_790_000_000 + second)),
            took: Milliseconds(.seconds(42)),
            strategy: strategy,
            action: "switch",
            outcome: outcome
        )
    }

    static var pull: PullReport {
        var pull = PullReport()
        var near = PullReport.Share(name: "p620")
        near.address = "http://p620.lan:5000"
        near.paths = 90
        near.narBytes = 300_000_000
        near.wireBytes = 100_000_000
        near.misses = ["absent": 2]
        var far = PullReport.Share(name: "nixos")
        far.address = "https://cache.nixos.org"
        far.paths = 2
        far.narBytes = 3_000_000
        far.wireBytes = 1_000_000
        pull.tiers = [near, far]
        pull.misses = [
            PullReport.Miss(
                path: "6ybai44dgx2bnz7f2xfm1hsa5hpfw92p-hello-2.12",
                from: "nixos",
                reasons: [MissReason(tier: "p620", kind: .absent)]
            )
        ]
        pull.use = ResourceUse(cpuSeconds: 3.25, writtenBytes: 310_000_000)
        return pull
    }
}
