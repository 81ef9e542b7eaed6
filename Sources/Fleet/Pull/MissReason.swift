// SPDX-License-Identifier: Apache-2.0

/// Why a tier did not give a path.
package struct MissReason: Codable, Hashable, Sendable {
    package enum Kind: RawRepresentable, Codable, Hashable, Sendable {
        /// It was asked and does not have the path (404).
        case absent
        /// It has the path without any signature.
        case unsigned
        /// It has the path, signed by keys that are not among those of the tiers.
        case wrongKey
        /// It has a signature by the name of a trusted key that does not fit.
        case badSignature
        /// It has the path, and no signature of it was accepted; which it has was not asked.
        case untrusted
        /// It did not answer in time.
        case timedOut
        /// It did not answer.
        case unreachable
        /// It answered with an error, or broke off.
        case failed
        /// The host's Firn remembers that the tier did not have it, and did not ask again.
        case negativelyCached
        /// Nix on the host does not ask this tier for its store, or for this path.
        case notSubstitutable
        /// A word of a newer Firn.
        case unrecognised(String)

        package init(rawValue: String) {
            self =
                switch rawValue {
                case "absent": .absent
                case "unsigned": .unsigned
                case "wrong-key": .wrongKey
                case "bad-signature": .badSignature
                case "untrusted": .untrusted
                case "timed-out": .timedOut
                case "unreachable": .unreachable
                case "failed": .failed
                case "negatively-cached": .negativelyCached
                case "not-substitutable": .notSubstitutable
                default: .unrecognised(rawValue)
                }
        }

        package var rawValue: String {
            switch self {
            case .absent: "absent"
            case .unsigned: "unsigned"
            case .wrongKey: "wrong-key"
            case .badSignature: "bad-signature"
            case .untrusted: "untrusted"
            case .timedOut: "timed-out"
            case .unreachable: "unreachable"
            case .failed: "failed"
            case .negativelyCached: "negatively-cached"
            case .notSubstitutable: "not-substitutable"
            case .unrecognised(let word): word
            }
        }

        /// As it stands behind a tier's name.
        package var text: String {
            switch self {
            case .absent: "does not have it (404)"
            case .unsigned: "has it unsigned"
            case .wrongKey: "has it signed by another key"
            case .badSignature: "has it with a signature that does not fit"
            case .untrusted: "has it without a signature that is trusted"
            case .timedOut: "timed out"
            case .unreachable: "is not reachable"
            case .failed: "failed"
            case .negativelyCached: "is remembered as not having it"
            case .notSubstitutable: "is not for this store or path"
            case .unrecognised(let word): word
            }
        }
    }

    package var tier: String
    package var kind: Kind
    /// For people: names of keys, an error, an age.
    package var detail: String?

    package init(tier: String, kind: Kind, detail: String? = nil) {
        self.tier = tier
        self.kind = kind
        self.detail = detail
    }

    /// `p620 has it signed by another key (old-p620)`.
    package var text: String { "\(tier) \(kind.text)" + (detail.map { " (\($0))" } ?? "") }
}
