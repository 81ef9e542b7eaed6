// SPDX-License-Identifier: Apache-2.0

/// What a system was made from, so that no later deploy goes back behind it by accident.
///
/// - Shape: one line of `KEY=VALUE` words, of which readers skip those that they do not know:
///   `git=REVISION dirty=1 lock=SECONDS`.
package struct Lineage: Hashable, Sendable {
    /// 40 or 64 hexadecimal digits; with changes that nobody committed it is what they were made to.
    package var revision: String?
    package var isDirty = false
    /// When the newest input of the lock was last changed, in seconds since 1970.
    package var lockSeconds: Int?

    package init() {}

    /// Reads what ``description`` wrote; what is not understood is not there.
    package init(parsing text: some StringProtocol) {
        for word in text.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "git": revision = Self.isRevision(parts[1]) ? String(parts[1]) : nil
            case "dirty": isDirty = parts[1] == "1"
            case "lock": lockSeconds = Int(parts[1])
            default: break
            }
        }
    }

    /// What is handed to git has to be what it looks like.
    package static func isRevision(_ text: some StringProtocol) -> Bool {
        [40, 64].contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}

extension Lineage: CustomStringConvertible {
    package var description: String {
        var words: [String] = []
        if let revision { words.append("git=\(revision)") }
        if isDirty { words.append("dirty=1") }
        if let lockSeconds { words.append("lock=\(lockSeconds)") }
        return words.joined(separator: " ")
    }
}

/// How what runs and what is wanted came from one another.
package enum LineageOrder: Hashable, Sendable {
    /// Nothing speaks against it: the wanted contains what runs, or one of them is not known.
    case forward
    /// What runs was made from a descendant of what is wanted, or with a later lock.
    case backward(String)
    /// Neither contains the other, or this checkout does not have what runs.
    case unrelated(String)
}
