// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What a host is to pull, and from where.
package struct PullRequest: Sendable {
    /// An output path; its whole closure comes with it.
    package var output: StorePath
    /// In the order in which they are asked for each path.
    package var tiers: [PullTier]
    /// The Firn on the host, as the host reaches it; it is asked first, with the tiers it has itself.
    package var agentAddress: String?
    /// For all of it.
    ///
    /// A pull that was cut off goes on where it was when it is made again.
    package var deadline: Duration
    /// A link beneath Nix's folder of roots that keeps what was pulled until it is in a profile.
    package var rootName: String

    /// Describes a pull; the root's name is a plain file name.
    package init(
        _ output: StorePath,
        from tiers: [PullTier],
        agentAddress: String? = nil,
        deadline: Duration,
        rootName: String = "firn-pull"
    ) {
        self.output = output
        self.tiers = tiers
        self.agentAddress = agentAddress
        self.deadline = deadline
        self.rootName = rootName
    }
}

/// How far a pull is.
package struct PullProgress: Hashable, Sendable {
    /// Paths that have come.
    package var paths: Int
    /// Paths that have to come; grows while Nix finds out.
    package var expectedPaths: Int
    /// Unpacked.
    package var bytes: UInt64
    /// Unpacked; grows while Nix finds out.
    package var expectedBytes: UInt64
}

/// Why a host does not have what it was to pull.
///
/// What it fetched before stays in its store. ``RemoteFailure`` is thrown as it is.
package enum PullFailure: Error, Sendable {
    /// Nothing to ask.
    case noTiers
    /// No tier answered; the report says how each failed.
    case noTierAnswered(PullReport)
    /// Some paths are in no tier, or were refused; the report says which and why.
    case incomplete(PullReport, said: String)
    /// The host's own trouble: no Nix, no space, no right to write.
    case hostTrouble(String)
    /// The host said something that is no report.
    case garbled(String)
}

extension PullFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noTiers: "there is no tier to pull from; name a builder or a [[tier]]"
        case .noTierAnswered(let report):
            "no tier answers the host: "
                + report.tiers.map { "\($0.name) (\($0.trouble ?? "no answer"))" }
                .joined(separator: ", ")
        case .incomplete(let report, let said): Self.incomplete(report, said)
        case .hostTrouble(let text): text
        case .garbled(let text): "the host's answer is not understood: \"\(text)\""
        }
    }

    private static func incomplete(_ report: PullReport, _ said: String) -> String {
        guard let miss = report.misses.first(where: { $0.from == nil }) else {
            return said.isEmpty ? "the host could not fetch everything" : said
        }
        let others = report.unfetchedPaths > 1 ? ", as \(report.unfetchedPaths - 1) others" : ""
        return "no tier gave \(miss.path)\(others): \(miss.explanation)"
    }
}
