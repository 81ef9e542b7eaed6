// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Shows what will be written, and asks.
struct UseConversation {
    var isJSON: Bool
    var isDryRun: Bool
    var isAgreed: Bool

    /// A result; JSON is printed whole, and at the end.
    func say(_ line: String) {
        if !isJSON { StandardOutput.write(line) }
    }

    func show(_ changes: [FileChange]) {
        guard !isJSON else { return }
        let style = TextStyle.ofStandardOutput(ProcessInfo.processInfo.environment)
        for line in changes.flatMap(\.diff) {
            let plain = Printable.line(line)
            let isHeading = line.hasPrefix("---") || line.hasPrefix("+++")
            StandardOutput.write(
                isHeading
                    ? style.apply(.bold, to: plain)
                    : line.hasPrefix("+")
                        ? style.apply(.green, to: plain)
                        : line.hasPrefix("-") ? style.apply(.red, to: plain) : plain
            )
        }
    }

    func warn(_ warnings: [String]) {
        for warning in warnings { StandardError.write("firn: warning: \(warning)") }
    }

    /// - Throws: ``NotConfirmed`` when nobody agrees.
    func confirm(_ question: String) throws {
        guard !isAgreed else { return }
        guard !isJSON else {
            throw NotConfirmed(reason: "nothing was written: with --json give --yes or --dry-run")
        }
        guard isatty(STDIN_FILENO) == 1 else {
            throw NotConfirmed(reason: "nothing was written: nobody is there to ask; give --yes")
        }
        try? FileHandle.standardError.write(contentsOf: Data("\(question) [y/N] ".utf8))
        let answer = readLine(strippingNewline: true)?.lowercased()
        guard answer == "y" || answer == "yes" else {
            throw NotConfirmed(reason: "nothing was written")
        }
    }
}
