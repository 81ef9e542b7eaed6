// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What the programme wrote: lines of a word and its value, the last of which is `end`.
struct TargetAnswer {
    let lines: [String]

    /// - Throws: ``TargetError/unexpectedAnswer(to:exitCode:said:)`` when the end is missing: the
    ///   programme could not do its work, and standard error says why.
    init(_ answer: RemoteAnswer, to verb: String) throws {
        var lines = String(decoding: answer.output, as: UTF8.self)
            .split(whereSeparator: \.isNewline).map(String.init)
        guard lines.popLast() == "end" else {
            let said = String(decoding: answer.errors.suffix(2000), as: UTF8.self)
            throw TargetError.unexpectedAnswer(
                to: verb,
                exitCode: answer.exitCode,
                said: said.trimmingCharacters(in: .whitespacesAndNewlines)
            )
        }
        self.lines = lines
    }

    /// The target does not have this programme yet.
    var isMissingProgramme: Bool { lines == ["missing"] }

    /// The values of the lines that begin with this word.
    func lines(of word: String) -> [String] {
        lines.filter { $0 == word || $0.hasPrefix(word + " ") }
            .map { String($0.dropFirst(word.count + 1)) }
    }

    /// What was found by looking at the host beforehand.
    var findings: [PreflightFinding] {
        lines(of: "finding").compactMap { text in
            let words = text.split(separator: " ", maxSplits: 1).map(String.init)
            return PreflightFinding.Kind(rawValue: words.first ?? "").map {
                PreflightFinding(kind: $0, detail: words.count > 1 ? words[1] : "")
            }
        }
    }

    /// Why the programme did not do it, when it says so.
    var refusal: TargetError? {
        guard let text = lines(of: "refused").first else { return nil }
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        let rest = parts.count > 1 ? parts[1] : ""
        switch parts.first {
        case "leased":
            return TargetLease(line: rest).map(TargetError.leased) ?? .refused(text)
        case "lost": return .leaseLost(TargetLease(line: rest))
        case "changed": return .changedMeanwhile(running: rest)
        default: return .refused(rest)
        }
    }
}

/// `key=value` words in front of the last key, `text=`, which takes the rest of the line.
struct JournalFields {
    private var values: [String: String] = [:]

    init(_ line: some StringProtocol) {
        var words = Substring(line)
        if let range = words.range(of: "text=") {
            values["text"] = String(words[range.upperBound...])
            words = words[..<range.lowerBound]
        }
        for word in words.split(separator: " ") {
            guard let equals = word.firstIndex(of: "=") else { continue }
            values[String(word[..<equals])] = String(word[word.index(after: equals)...])
        }
    }

    /// `nil` when it is missing or empty.
    subscript(key: String) -> String? {
        values[key].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Separated by commas.
    func list(_ key: String) -> [String] {
        (self[key] ?? "").split(separator: ",").map(String.init)
    }
}

extension TargetLease {
    /// Reads `STATE TOKEN SINCE PID STEP WHO…`.
    init?(line: String) {
        let words = line.split(separator: " ", maxSplits: 5).map(String.init)
        guard words.count == 6, let token = DeployToken(parsing: words[1]),
            let since = Int(words[2]), let process = Int32(words[3])
        else { return nil }
        self.init(
            token: token,
            who: words[5],
            since: Date(timeIntervalSince1970: Double(since)),
            isHeld: words[0] == "held",
            processIdentifier: process == 0 ? nil : process,
            isGoingBack: words[4] == "restoring"
        )
    }
}
