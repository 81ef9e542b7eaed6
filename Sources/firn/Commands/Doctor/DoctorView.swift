// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Findings as a person reads them, or a programme.
struct DoctorView {
    let findings: [Finding]
    let fixes: [Finding: Result<String, DoctorFixes.Failure>]

    /// What is still wrong after what was mended.
    var failures: [Finding] { findings.filter { $0.verdict == .fail && !isFixed($0) } }

    private func isFixed(_ finding: Finding) -> Bool {
        if case .success = fixes[finding] { true } else { false }
    }

    // MARK: For people

    func lines(_ style: TextStyle) -> [String] {
        var lines = findings.flatMap { self.lines(of: $0, style) }
        let count = Dictionary(grouping: findings.filter { !isFixed($0) }, by: \.verdict)
            .mapValues(\.count)
        let fixed = findings.count { isFixed($0) }
        var summary = [
            "\(count[.fail] ?? 0) failed", "\(count[.warn] ?? 0) to look at",
            "\(count[.pass] ?? 0) fine", "\(count[.skip] ?? 0) not looked at",
        ]
        if fixed > 0 { summary.insert("\(fixed) mended", at: 0) }
        lines.append("")
        lines.append(style.apply(.bold, to: summary.joined(separator: ", ")))
        if findings.contains(where: { $0.fix != nil && fixes[$0] == nil }) {
            lines.append("firn doctor --fix does what is marked with *")
        }
        return lines
    }

    private func lines(of finding: Finding, _ style: TextStyle) -> [String] {
        let (word, colour) = Self.word(finding.verdict, isFixed: isFixed(finding))
        let subject = finding.subject.map { "\(Printable.line($0)): " } ?? ""
        let name = style.apply(.bold, to: finding.check.rawValue)
        var lines = [
            "\(style.apply(colour, to: word))  \(name)  \(subject)\(Printable.line(finding.evidence))"
        ]
        let mark = finding.fix != nil && fixes[finding] == nil ? "*" : " "
        switch fixes[finding] {
        case .success(let what): lines.append("        done: \(Printable.line(what))")
        case .failure(let failure):
            lines.append("        not mended: \(Printable.line(failure.reason))")
            fallthrough
        case nil:
            if let remedy = finding.remedy {
                lines.append("      \(mark) try: \(Printable.line(remedy))")
            }
        }
        return lines
    }

    private static func word(
        _ verdict: Finding.Verdict,
        isFixed: Bool
    ) -> (String, TextStyle.Colour) {
        if isFixed { return ("mend", .green) }
        return switch verdict {
        case .pass: ("pass", .green)
        case .warn: ("warn", .yellow)
        case .fail: ("FAIL", .red)
        case .skip: ("skip", .grey)
        }
    }

    // MARK: For programmes

    private struct Body: Encodable {
        var version: String
        var failed: Int
        var findings: [Item]
    }

    private struct Item: Encodable {
        var check: String
        var subject: String?
        var verdict: String
        var evidence: String
        var remedy: String?
        var isFixable: Bool
        var fixed: String?
        var fixFailure: String?

        private enum CodingKeys: String, CodingKey {
            case check, subject, verdict, evidence, remedy, fixed
            case isFixable = "fixable"
            case fixFailure = "fix-failure"
        }
    }

    /// One line of JSON.
    func json() throws -> String {
        let items = findings.map { finding in
            var item = Item(
                check: finding.check.rawValue,
                subject: finding.subject,
                verdict: finding.verdict.rawValue,
                evidence: Printable.line(finding.evidence),
                remedy: finding.remedy.map(Printable.line),
                isFixable: finding.fix != nil
            )
            switch fixes[finding] {
            case .success(let what): item.fixed = what
            case .failure(let failure): item.fixFailure = failure.reason
            case nil: break
            }
            return item
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = Body(version: Firn.version, failed: failures.count, findings: items)
        return String(decoding: try encoder.encode(body), as: UTF8.self)
    }
}
