// SPDX-License-Identifier: Apache-2.0

/// Which tier has a path and why the others do not: the answer to `FirnRoute.explain`.
package struct ExplainReport: Codable, Hashable, Sendable {
    /// A base name, or the hash when nobody knows the name.
    package var path: String
    /// What a client would be told now; `nil` when no tier has the path.
    package var answer: Answer?
    /// One sentence for people.
    package var summary: String
    /// In the order in which they are asked.
    package var tiers: [Tier]
    /// How the NAR came, or why not so; `nil` when no other cache is concerned.
    package var delta: Delta?

    package init(
        path: String,
        answer: Answer?,
        summary: String,
        tiers: [Tier],
        delta: Delta? = nil
    ) {
        self.path = path
        self.answer = answer
        self.summary = summary
        self.tiers = tiers
        self.delta = delta
    }
}

extension ExplainReport {
    /// Whether the NAR was made of one that was here.
    package struct Delta: Codable, Hashable, Sendable {
        /// The base name of what it was made of; `nil` when it came in the ordinary form.
        package var base: String?
        /// What came, and what would have come otherwise.
        package var bytes: UInt64?
        package var ordinaryBytes: UInt64?
        /// Why there was no delta, for people.
        package var reason: String?

        package init(
            base: String? = nil,
            bytes: UInt64? = nil,
            ordinaryBytes: UInt64? = nil,
            reason: String? = nil
        ) {
            self.base = base
            self.bytes = bytes
            self.ordinaryBytes = ordinaryBytes
            self.reason = reason
        }

        private enum CodingKeys: String, CodingKey {
            case base, bytes, reason
            case ordinaryBytes = "ordinary-bytes"
        }
    }

    /// The essence of the narinfo.
    package struct Answer: Codable, Hashable, Sendable {
        package var tier: String
        package var url: String
        package var compression: String
        package var narBytes: UInt64
        /// `nil` when the narinfo does not tell.
        package var fileBytes: UInt64?

        package init(
            tier: String,
            url: String,
            compression: String,
            narBytes: UInt64,
            fileBytes: UInt64?
        ) {
            self.tier = tier
            self.url = url
            self.compression = compression
            self.narBytes = narBytes
            self.fileBytes = fileBytes
        }

        private enum CodingKeys: String, CodingKey {
            case tier, url, compression
            case narBytes = "nar-bytes"
            case fileBytes = "file-bytes"
        }
    }

    /// What one tier says.
    package struct Tier: Codable, Hashable, Sendable {
        /// `store`, `depot`, or as the configuration has it.
        package var name: String
        /// What else bears on the answer, for people: that it is known to be down, for instance.
        package var note: String?
        /// What would be answered without asking; `nil` when nothing is remembered.
        package var remembered: Memory?
        /// What it says now.
        package var live: Live

        package init(name: String, note: String? = nil, remembered: Memory?, live: Live) {
            self.name = name
            self.note = note
            self.remembered = remembered
            self.live = live
        }
    }

    package struct Memory: Codable, Hashable, Sendable {
        package var outcome: Outcome
        package var age: Milliseconds

        package init(outcome: Outcome, age: Milliseconds) {
            self.outcome = outcome
            self.age = age
        }

        private enum CodingKeys: String, CodingKey {
            case outcome
            case age = "age-ms"
        }
    }

    package struct Live: Codable, Hashable, Sendable {
        package var outcome: Outcome
        /// Why it failed or was skipped, for people.
        package var reason: String?
        /// `nil` when it was not asked.
        package var took: Milliseconds?
        /// Of the NAR.
        package var url: String?
        /// The names of those of the tier's keys that signed the narinfo; `nil` without a narinfo.
        package var signedBy: [String]?

        package init(
            outcome: Outcome,
            reason: String? = nil,
            took: Milliseconds? = nil,
            url: String? = nil,
            signedBy: [String]? = nil
        ) {
            self.outcome = outcome
            self.reason = reason
            self.took = took
            self.url = url
            self.signedBy = signedBy
        }

        private enum CodingKeys: String, CodingKey {
            case outcome, reason, url
            case took = "took-ms"
            case signedBy = "signed-by"
        }
    }

    package enum Outcome: RawRepresentable, Codable, Hashable, Sendable {
        case found
        case absent
        case failed
        /// It was not asked.
        case skipped
        /// A word of a newer Firn.
        case unrecognised(String)

        package init(rawValue: String) {
            self =
                switch rawValue {
                case "found": .found
                case "absent": .absent
                case "failed": .failed
                case "skipped": .skipped
                default: .unrecognised(rawValue)
                }
        }

        package var rawValue: String {
            switch self {
            case .found: "found"
            case .absent: "absent"
            case .failed: "failed"
            case .skipped: "skipped"
            case .unrecognised(let word): word
            }
        }
    }
}
