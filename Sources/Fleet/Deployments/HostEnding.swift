// SPDX-License-Identifier: Apache-2.0

/// What became of one host in a run.
package enum HostEnding: Hashable, Sendable {
    /// It ran it already.
    case unchanged
    /// It runs it, was confirmed, and boots it.
    case done
    /// It boots it next; why not now, where that was not asked for.
    case staged(String?)
    /// It runs it until the next boot.
    case tested
    /// Nothing was done, as asked; what would be.
    case previewed(String)
    /// It was built, as asked, and nothing else.
    case built
    /// Away; it gets it when it is next seen.
    case queued
    /// Away; left out as asked.
    case skipped(String)
    case unreachable(String)
    /// By policy, trust or a lease; nothing was touched.
    case refused(String)
    /// Before anything was switched.
    case failed(Phase?, String)
    /// It runs again what it ran before.
    case rolledBack(String)
    /// It does not run what was asked for, and what it ran before could not be brought back.
    case stuck(String)
    /// What it came to is not known.
    case unknown(String)
    case interrupted(String)
    /// It was not its turn any more.
    case notBegun(String)

    /// Whether the host is as it was asked to be.
    package var isGood: Bool {
        switch self {
        case .unchanged, .done, .tested, .previewed, .built: true
        // What was asked for is only so after a restart that nobody has asked for.
        case .staged(let reason): reason == nil
        case .queued, .skipped, .unreachable, .refused, .failed, .rolledBack, .stuck, .unknown,
            .interrupted, .notBegun:
            false
        }
    }

    /// One word for machines.
    package var word: String {
        switch self {
        case .unchanged: "unchanged"
        case .done: "done"
        case .staged: "staged"
        case .tested: "tested"
        case .previewed: "previewed"
        case .built: "built"
        case .queued: "queued"
        case .skipped: "skipped"
        case .unreachable: "unreachable"
        case .refused: "refused"
        case .failed: "failed"
        case .rolledBack: "rolled-back"
        case .stuck: "stuck"
        case .unknown: "unknown"
        case .interrupted: "interrupted"
        case .notBegun: "not-begun"
        }
    }

    /// Why, for people.
    package var reason: String? {
        switch self {
        case .unchanged, .done, .tested, .built, .queued: nil
        case .staged(let reason): reason
        case .previewed(let what): what
        case .skipped(let reason), .unreachable(let reason), .refused(let reason),
            .failed(_, let reason), .rolledBack(let reason), .stuck(let reason),
            .unknown(let reason), .interrupted(let reason), .notBegun(let reason):
            reason
        }
    }
}

extension HostEnding {
    /// In a line, for a log.
    var told: String { reason.map { "\(word): \($0)" } ?? word }
}

/// What a run says of one host at its end.
package struct HostReport: Sendable {
    package var host: HostName
    package var ending: HostEnding
    /// What was asked for, where it was known.
    package var wanted: WantedSystem?
    /// What was seen to run last; never a guess.
    package var running: String?
    package var took: Duration
    package var phases: [(phase: Phase, took: Duration)] = []
    /// The file with everything that was said.
    package var log: String?
    /// Worth a word, and no error.
    package var notes: [String] = []
    /// Of those, what is said also where all went well: it was asked for.
    package var told: [String] = []
    package var pull: PullReport?
    /// Where it was built, and what.
    package var built: Receipt.Built?

    package init(host: HostName, ending: HostEnding, took: Duration = .zero) {
        self.host = host
        self.ending = ending
        self.took = took
    }

    mutating func tell(_ text: String) {
        notes.append(text)
        told.append(text)
    }
}
