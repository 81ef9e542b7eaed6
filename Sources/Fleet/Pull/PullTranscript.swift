// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation
import NixFormat

/// What the script of a pull printed on the host.
///
/// It comes from another machine, so it is parsed: lines that are none of ours are passed over, and
/// numbers and paths that are none make a report incomplete, never wrong.
struct PullTranscript: Sendable {
    private let tiers: [PullTier]
    private var report = PullReport()
    private var problem = ""
    private var trouble: String?
    private var isDone = false
    private var wasEnded = false
    private var cpuSeconds: Double?
    private var writtenBytes: UInt64?
    private var statusBefore: StatusReport?
    private var explanation: ExplainReport?

    init(lines: [String], tiers: [PullTier]) {
        self.tiers = tiers
        report.tiers = tiers.map { tier in
            PullReport.Share(name: tier.name)
        }
        for line in lines { read(line) }
    }

    /// - Returns: `nil` for any other line.
    static func progress(in line: String) -> PullProgress? {
        let words = line.split(separator: " ")
        guard words.count == 6, words[0] == "firn", words[1] == "progress",
            let paths = Int(words[2]), let expectedPaths = Int(words[3]),
            let bytes = UInt64(words[4]), let expectedBytes = UInt64(words[5])
        else { return nil }
        return PullProgress(
            paths: paths,
            expectedPaths: expectedPaths,
            bytes: bytes,
            expectedBytes: expectedBytes
        )
    }

    /// - Throws: ``PullFailure`` unless the host has the whole closure.
    func report(exitCode: Int32, errors: String) throws(PullFailure) -> PullReport {
        let whole = finished
        if let trouble { throw .hostTrouble(trouble) }
        if isDone { return whole }
        guard wasEnded else {
            let said = errors.split(separator: "\n").last.map(String.init) ?? ""
            throw .garbled("exit code \(exitCode)\(said.isEmpty ? "" : ": \(said.prefix(300))")")
        }
        guard whole.tiers.contains(where: { $0.address != nil }) else {
            throw .noTierAnswered(whole)
        }
        if problem.contains("No space left") || problem.contains("no space left") {
            throw .hostTrouble("no space is left on the host: \(problem)")
        }
        throw .incomplete(whole, said: problem)
    }

    private var finished: PullReport {
        var whole = report
        if let cpuSeconds {
            whole.use = ResourceUse(cpuSeconds: cpuSeconds, writtenBytes: writtenBytes)
        }
        for (number, share) in whole.tiers.enumerated() where share.address == nil {
            // A tier that did not answer is missed by every path that came from behind it.
            let behind = whole.tiers[(number + 1)...].reduce(0) { $0 + $1.paths }
            let missing = behind + whole.unfetchedPaths
            if missing > 0 {
                whole.tiers[number].misses[Self.kind(of: share.trouble ?? "").rawValue] = missing
            }
        }
        for index in whole.misses.indices { complete(&whole.misses[index], whole.tiers) }
        return whole
    }

    /// Adds why a nearer tier was not asked, and what the host's Firn says of its own tiers.
    private func complete(_ miss: inout PullReport.Miss, _ shares: [PullReport.Share]) {
        let end = shares.firstIndex { $0.name == miss.from } ?? shares.count
        for share in shares[..<end] where share.address == nil {
            let text = share.trouble ?? ""
            miss.reasons.append(MissReason(tier: share.name, kind: Self.kind(of: text)))
        }
        miss.reasons.sort { one, other in
            let places = [one, other].map { reason in
                shares.firstIndex { $0.name == reason.tier } ?? shares.count
            }
            return places[0] < places[1]
        }
        guard let explanation, explanation.path.hasPrefix(String(miss.path.prefix(32))) else {
            return
        }
        miss.reasons += explanation.tiers.compactMap(Self.reason)
    }
}

extension PullTranscript {
    private mutating func read(_ line: String) {
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count >= 2, words[0] == "firn" else { return }
        let rest = words.count > 2 ? words[2] : ""
        switch words[1] {
        case "there":
            report.wasThere = true
            isDone = true
        case "done": isDone = true
        case "undone": wasEnded = true
        case "use", "down": readTier(words[1], rest)
        case "share", "why", "miss", "lacking": readSummary(words[1], rest)
        case "problem": problem = rest
        case "trouble": trouble = rest
        case "cpu": cpuSeconds = Double(rest).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
        case "written": writtenBytes = UInt64(rest)
        case "status", "explain": readAgent(words[1], rest)
        default: break
        }
    }

    private mutating func readTier(_ word: String, _ rest: String) {
        guard let (number, text) = numbered(rest) else { return }
        if word == "use" {
            report.tiers[number].address = text
        } else if report.tiers[number].trouble == nil {
            report.tiers[number].trouble = text.isEmpty ? "no answer" : Self.short(text)
        }
    }

    private mutating func readSummary(_ word: String, _ rest: String) {
        let words = rest.split(separator: " ").map(String.init)
        switch word {
        case "lacking": report.unfetchedPaths = Int(rest) ?? 0
        case "share":
            guard words.count == 4, let (number, _) = numbered(rest), let paths = Int(words[1]),
                let narBytes = UInt64(words[2]), let wireBytes = UInt64(words[3])
            else { return }
            report.tiers[number].paths = paths
            report.tiers[number].narBytes = narBytes
            report.tiers[number].wireBytes = wireBytes
        case "why":
            guard words.count == 3, let (number, _) = numbered(rest), let count = Int(words[2])
            else { return }
            report.tiers[number].misses[words[1]] = count
        default: readMiss(words)
        }
    }

    /// `TIER-OR-DASH PATH TIER KIND DETAIL…`.
    private mutating func readMiss(_ words: [String]) {
        guard words.count >= 4, (try? StorePath(parsing: words[1])) != nil,
            let number = Int(words[2]), tiers.indices.contains(number)
        else { return }
        let from = Int(words[0]).flatMap { tiers.indices.contains($0) ? tiers[$0].name : nil }
        let detail = Self.short(words[4...].joined(separator: " "))
        var kind = MissReason.Kind(rawValue: words[3])
        if kind == .failed { kind = Self.kind(of: detail) }
        let reason = MissReason(
            tier: tiers[number].name,
            kind: kind,
            detail: detail.isEmpty ? nil : detail
        )
        if let known = report.misses.firstIndex(where: { $0.path == words[1] }) {
            report.misses[known].reasons.append(reason)
        } else if report.misses.count < PullReport.mostMisses {
            report.misses.append(
                PullReport.Miss(path: words[1], from: from, reasons: [reason])
            )
        }
    }

    private mutating func readAgent(_ word: String, _ rest: String) {
        guard word == "status" else {
            explanation = try? FirnJSON.parse(rest.utf8, as: ExplainReport.self)
            return
        }
        let parts = rest.split(separator: " ", maxSplits: 1)
        guard parts.count == 2,
            let status = try? FirnJSON.parse(parts[1].utf8, as: StatusReport.self)
        else { return }
        if parts[0] == "before" { statusBefore = status } else { compare(with: status) }
    }

    /// A Firn that was started in between counts from the beginning again, and tells nothing.
    private mutating func compare(with after: StatusReport) {
        guard let before = statusBefore, before.node == after.node else { return }
        report.behindAgent = after.tiers.compactMap { tier in
            guard let old = before.tiers.first(where: { $0.name == tier.name }),
                tier.hits >= old.hits, tier.narBytes >= old.narBytes, tier.misses >= old.misses
            else { return nil }
            var share = PullReport.Share(name: tier.name)
            share.address = tier.addresses.first { $0.isChosen }?.url
            share.paths = Int(clamping: tier.hits - old.hits)
            share.wireBytes = tier.narBytes - old.narBytes
            let absent = Int(clamping: tier.misses - old.misses)
            if absent > 0 { share.misses[MissReason.Kind.absent.rawValue] = absent }
            share.deltas = Self.deltas(from: old.deltas, to: tier.deltas)
            if tier.state != .up { share.trouble = tier.lastFailure }
            return share
        }
    }

    /// `nil` where there were none meanwhile.
    private static func deltas(
        from old: StatusReport.Deltas?,
        to new: StatusReport.Deltas?
    ) -> PullReport.Deltas? {
        let old = old ?? .init(used: 0, bytes: 0, ordinaryBytes: 0, failures: 0)
        guard let new, new.used > old.used, new.bytes >= old.bytes,
            new.ordinaryBytes >= old.ordinaryBytes
        else { return nil }
        return PullReport.Deltas(
            paths: Int(clamping: new.used - old.used),
            wireBytes: new.bytes - old.bytes,
            ordinaryBytes: new.ordinaryBytes - old.ordinaryBytes
        )
    }

    /// `NUMBER TEXT` of a tier that there is.
    private func numbered(_ text: String) -> (Int, String)? {
        let parts = text.split(separator: " ", maxSplits: 1)
        guard let first = parts.first, let number = Int(first), tiers.indices.contains(number)
        else { return nil }
        return (number, parts.count > 1 ? String(parts[1]) : "")
    }

    private static func reason(_ tier: ExplainReport.Tier) -> MissReason? {
        let name = "\(PullScript.agentName)'s \(tier.name)"
        if let memory = tier.remembered, memory.outcome == .absent, tier.live.outcome != .absent {
            let age = "for \(memory.age.duration.components.seconds) s"
            return MissReason(tier: name, kind: .negativelyCached, detail: age)
        }
        switch tier.live.outcome {
        case .found: return nil
        case .absent: return MissReason(tier: name, kind: .absent)
        case .failed:
            let text = tier.live.reason ?? ""
            return MissReason(tier: name, kind: kind(of: text), detail: short(text))
        case .skipped:
            return MissReason(tier: name, kind: .notSubstitutable, detail: tier.live.reason)
        case .unrecognised(let word): return MissReason(tier: name, kind: .unrecognised(word))
        }
    }

    /// What kind of failure Nix speaks of: its words are curl's.
    private static func kind(of text: String) -> MissReason.Kind {
        let words = text.lowercased()
        if ["timed out", "timeout", "too slow", "no answer within"].contains(where: words.contains)
        {
            return .timedOut
        }
        if ["connect", "resolve", "network is unreachable", "no route", "no answer"]
            .contains(where: words.contains)
        {
            return .unreachable
        }
        return words.contains("prefix") && words.contains("is for nix stores")
            ? .notSubstitutable : .failed
    }

    /// Nix's sentence without what is known from elsewhere, on one line of bounded length.
    private static func short(_ text: String) -> String {
        var text = text
        while let prefix = ["error: ", "warning: "].first(where: text.hasPrefix) {
            text.removeFirst(prefix.count)
        }
        if text.hasPrefix("unable to download '"), let end = text.range(of: "': ") {
            text = String(text[end.upperBound...])
        }
        return String(text.prefix(160)).trimmingCharacters(in: .whitespaces)
    }
}
