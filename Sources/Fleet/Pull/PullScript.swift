// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// The programme by which a host pulls: sh, awk, coreutils and Nix, sent on standard input.
///
/// What it prints is read by ``PullTranscript``, one event a line. How much it prints depends on the
/// time and on the number of tiers, not on the closure: a report of thousands of paths has to fit
/// into what a deployer carries for a host.
struct PullScript: Sendable {
    /// In the order of their numbers in the script.
    let tiers: [PullTier]
    let text: String

    /// - Throws: ``PullFailure/noTiers``, ``PullTier/Unusable``.
    init(_ request: PullRequest) throws {
        var tiers = request.tiers
        if let address = request.agentAddress {
            // It passes on the signatures of its tiers, so it needs no key but theirs and the host's.
            tiers.insert(
                try PullTier(name: Self.agentName, addresses: [address], publicKeys: []),
                at: 0
            )
        }
        guard !tiers.isEmpty else { throw PullFailure.noTiers }
        precondition(
            request.rootName.allSatisfy { $0.isLetter || $0.isNumber || "-_".contains($0) },
            "a root's name becomes a file's"
        )
        self.tiers = tiers
        var keys: [String] = []
        for key in tiers.flatMap(\.publicKeys) where !keys.contains(key) { keys.append(key) }
        let settings = """
            out='\(StoreDirectory.standard.path(of: request.output))'
            root='\(request.rootName)'
            keys='\(keys.joined(separator: " "))'
            has_agent=\(request.agentAddress == nil ? 0 : 1)
            most=\(PullReport.mostMisses)
            tiers='\(Self.lines(of: tiers))'

            """
        text = settings + Self.short(Self.head + Self.watch + Self.summary + Self.body)
    }

    /// Without what only people read: all of it passes through the deployer for each host.
    private static func short(_ script: String) -> String {
        script.split(separator: "\n").map { $0.drop { $0 == " " } }
            .filter { !$0.hasPrefix("# ") }.joined(separator: "\n") + "\n"
    }

    /// What the host's own Firn is called in reports.
    static let agentName = "agent"

    /// `NUMBER ADDRESS`, an address a line.
    private static func lines(of tiers: [PullTier]) -> String {
        tiers.enumerated().flatMap { number, tier in tier.addresses.map { "\(number) \($0)" } }
            .joined(separator: "\n")
    }
}
