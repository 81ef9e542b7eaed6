// SPDX-License-Identifier: Apache-2.0
package import FirnAPI

/// What one deployment to one host was, cost and came to.
///
/// - Shape: One line of JSON, keys in kebab-case; readers ignore keys that they do not know.
package struct Receipt: Codable, Hashable, Sendable {
    /// The token of the deployment on the host.
    package var id: String
    package var host: String
    /// Who deployed, as `user@machine`.
    package var by: String
    package var startedAt: Timestamp
    /// From start to outcome.
    package var took: Milliseconds
    package var strategy: Strategy
    /// `switch`, `boot`, `test`, `dry-run`, `rollback`.
    package var action: String
    package var outcome: Outcome
    /// Why it is not done, for people.
    package var reason: String?
    /// Of what was deployed: a git revision, where there is one.
    package var revision: String?
    /// What ran before; a store path.
    package var oldPath: String?
    /// What was asked for; a store path.
    package var newPath: String?
    /// In their order.
    package var phases: [PhaseTime] = []
    package var built: Built?
    package var pull: PullReport?
    /// Of the whole work on the host, the pull included.
    package var use: ResourceUse?
    package var energy: Energy?
    /// Sent and received by the deployer's connections to the host; `nil` where it was not measured.
    package var deployerBytes: UInt64?

    package init(
        id: String,
        host: String,
        by: String,
        startedAt: Timestamp,
        took: Milliseconds,
        strategy: Strategy,
        action: String,
        outcome: Outcome
    ) {
        self.id = id
        self.host = host
        self.by = by
        self.startedAt = startedAt
        self.took = took
        self.strategy = strategy
        self.action = action
        self.outcome = outcome
    }

    private enum CodingKeys: String, CodingKey {
        case id, host, by, took, strategy, action, outcome, reason, revision, phases, built, pull
        case use, energy
        case startedAt = "started-at"
        case oldPath = "old-path"
        case newPath = "new-path"
        case deployerBytes = "deployer-bytes"
    }
}

extension Receipt {
    /// How the closure was made and brought.
    package enum Strategy: RawRepresentable, Codable, Hashable, Sendable {
        case builder
        case target
        case here
        case emergency
        case unrecognised(String)

        package init(rawValue: String) {
            self =
                switch rawValue {
                case "builder": .builder
                case "target": .target
                case "here": .here
                case "emergency": .emergency
                default: .unrecognised(rawValue)
                }
        }

        package var rawValue: String {
            switch self {
            case .builder: "builder"
            case .target: "target"
            case .here: "here"
            case .emergency: "emergency"
            case .unrecognised(let word): word
            }
        }
    }

    /// What became of it.
    package enum Outcome: RawRepresentable, Codable, Hashable, Sendable {
        /// It runs and was confirmed.
        case done
        /// It is what the host boots next.
        case staged
        /// Nothing was done, as asked, but to say what would be.
        case previewed
        /// It ran already.
        case unchanged
        case rolledBack
        case refused
        case unreachable
        case interrupted
        case failed
        case unrecognised(String)

        package init(rawValue: String) {
            self =
                switch rawValue {
                case "done": .done
                case "staged": .staged
                case "previewed": .previewed
                case "unchanged": .unchanged
                case "rolled-back": .rolledBack
                case "refused": .refused
                case "unreachable": .unreachable
                case "interrupted": .interrupted
                case "failed": .failed
                default: .unrecognised(rawValue)
                }
        }

        package var rawValue: String {
            switch self {
            case .done: "done"
            case .staged: "staged"
            case .previewed: "previewed"
            case .unchanged: "unchanged"
            case .rolledBack: "rolled-back"
            case .refused: "refused"
            case .unreachable: "unreachable"
            case .interrupted: "interrupted"
            case .failed: "failed"
            case .unrecognised(let word): word
            }
        }
    }

    /// How long one phase took.
    package struct PhaseTime: Codable, Hashable, Sendable {
        /// `evaluate`, `build`, `pull`, `switch`, ….
        package var phase: String
        package var took: Milliseconds

        package init(_ phase: String, took: Milliseconds) {
            self.phase = phase
            self.took = took
        }
    }

    /// What was built, and where.
    package struct Built: Codable, Hashable, Sendable {
        /// The host that built.
        package var on: String
        /// How many derivations; those that were there already are not among them.
        package var count: Int
        /// Base names of the first of them, at most ``mostNames``.
        package var names: [String]
        /// Why they were not fetched instead, where it is known.
        package var reason: String?

        package static let mostNames = 20

        package init(on host: String, count: Int, names: [String], reason: String? = nil) {
            self.on = host
            self.count = count
            self.names = Array(names.prefix(Self.mostNames))
            self.reason = reason
        }
    }
}
