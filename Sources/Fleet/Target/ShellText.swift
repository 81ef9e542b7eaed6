// SPDX-License-Identifier: Apache-2.0

/// Text for a POSIX shell in which nothing has a meaning but what is meant to.
enum ShellText {
    /// The text as one word, with whatever is in it but NUL, which a shell cannot hold.
    static func quoted(_ text: String) -> String {
        let plain = text.unicodeScalars.filter { $0 != "\0" }
        let inside = String(String.UnicodeScalarView(plain))
            .split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: #"'\''"#)
        return "'\(inside)'"
    }

    /// Lines that set these variables; the names are ours.
    static func assignments(_ values: [(name: String, value: String)]) -> String {
        values.map { "\($0.name)=\(quoted($0.value))\n" }.joined()
    }
}
