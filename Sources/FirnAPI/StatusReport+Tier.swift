// SPDX-License-Identifier: Apache-2.0

extension StatusReport {
    /// How another cache is doing.
    package struct Tier: Codable, Hashable, Sendable {
        package var name: String
        package var state: TierState
        /// Smoothed, from question to answer; `nil` before the first answer.
        package var latency: Milliseconds?
        package var isFirn: Bool
        /// Whether it has this Firn as a tier, too; `nil` where an older Firn does not tell.
        package var asksBack: Bool?
        /// One line for people; `nil` when nothing has failed yet.
        package var lastFailure: String?
        package var requests: UInt64
        package var failures: UInt64
        /// Bytes of NARs that came from it.
        package var narBytes: UInt64
        /// Lookups that it answered with a narinfo.
        package var hits: UInt64
        package var misses: UInt64
        /// In the user's order.
        package var addresses: [Address]
        /// `nil` where the tier makes none, or an older Firn does not tell.
        package var deltas: Deltas?

        package init(
            name: String,
            state: TierState,
            latency: Milliseconds?,
            isFirn: Bool,
            asksBack: Bool? = nil,
            lastFailure: String?,
            requests: UInt64,
            failures: UInt64,
            narBytes: UInt64,
            hits: UInt64,
            misses: UInt64,
            addresses: [Address],
            deltas: Deltas? = nil
        ) {
            self.name = name
            self.state = state
            self.latency = latency
            self.isFirn = isFirn
            self.asksBack = asksBack
            self.lastFailure = lastFailure
            self.requests = requests
            self.failures = failures
            self.narBytes = narBytes
            self.hits = hits
            self.misses = misses
            self.addresses = addresses
            self.deltas = deltas
        }

        private enum CodingKeys: String, CodingKey {
            case name, state, requests, failures, hits, misses, addresses, deltas
            case latency = "latency-ms"
            case isFirn = "is-firn"
            case asksBack = "asks-back"
            case lastFailure = "last-failure"
            case narBytes = "nar-bytes"
        }
    }

    /// NARs that came as what makes them out of older ones.
    package struct Deltas: Codable, Hashable, Sendable {
        package var used: UInt64
        /// What came for them, and what would have come in the ordinary form.
        package var bytes: UInt64
        package var ordinaryBytes: UInt64
        /// Deltas that were of no use; the NARs came in the ordinary form then.
        package var failures: UInt64

        package init(used: UInt64, bytes: UInt64, ordinaryBytes: UInt64, failures: UInt64) {
            self.used = used
            self.bytes = bytes
            self.ordinaryBytes = ordinaryBytes
            self.failures = failures
        }

        private enum CodingKeys: String, CodingKey {
            case used, bytes, failures
            case ordinaryBytes = "ordinary-bytes"
        }
    }

    /// One way to reach a tier.
    package struct Address: Codable, Hashable, Sendable {
        package var url: String
        /// Whether it is the one that is asked.
        package var isChosen: Bool
        package var state: TierState
        package var latency: Milliseconds?
        package var lastFailure: String?

        package init(
            url: String,
            isChosen: Bool,
            state: TierState,
            latency: Milliseconds?,
            lastFailure: String?
        ) {
            self.url = url
            self.isChosen = isChosen
            self.state = state
            self.latency = latency
            self.lastFailure = lastFailure
        }

        private enum CodingKeys: String, CodingKey {
            case url, state
            case isChosen = "is-chosen"
            case latency = "latency-ms"
            case lastFailure = "last-failure"
        }
    }

    /// Whether a tier is asked.
    package enum TierState: RawRepresentable, Codable, Hashable, Sendable {
        case up
        /// It is not asked; a probe goes out now and then.
        case down
        /// It asked to be left alone.
        case resting
        /// It was not asked yet.
        case unknown
        /// A word of a newer Firn.
        case unrecognised(String)

        package init(rawValue: String) {
            self =
                switch rawValue {
                case "up": .up
                case "down": .down
                case "resting": .resting
                case "unknown": .unknown
                default: .unrecognised(rawValue)
                }
        }

        package var rawValue: String {
            switch self {
            case .up: "up"
            case .down: "down"
            case .resting: "resting"
            case .unknown: "unknown"
            case .unrecognised(let word): word
            }
        }
    }
}
