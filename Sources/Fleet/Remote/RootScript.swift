// SPDX-License-Identifier: Apache-2.0

/// How a programme is run as root: as it is where the user is root, by sudo everywhere else.
///
/// The password is the first line of standard input, so that it is in no argument, in no
/// environment and in no log; the line is empty where there is none. It is tried before the
/// programme gets its input, since sudo would take the next lines of it for further tries.
enum RootScript {
    /// What the script says in place of running the programme.
    enum Refusal: String, CaseIterable {
        case noSudo = "firn-root: no sudo"
        case asksForPassword = "firn-root: asks"
        case wrongPassword = "firn-root: wrong"
    }

    /// With this code, and one of ``Refusal`` on standard error.
    static let refusalCode: Int32 = 93

    /// The words that run the programme's words by way of the script.
    static func words(_ program: [String]) -> [String] {
        ["sh", "-c", text, "firn-root"] + program
    }

    static func input(password: String?, _ input: [UInt8]) -> [UInt8] {
        Array((password ?? "").utf8) + [UInt8(ascii: "\n")] + input
    }

    static func refusal(_ answer: RemoteAnswer) -> Refusal? {
        guard answer.exitCode == refusalCode else { return nil }
        let text = String(decoding: answer.errors, as: UTF8.self)
        return Refusal.allCases.first { text.contains($0.rawValue) }
    }

    private static let text = """
        IFS= read -r word; \
        [ "$(id -u)" = 0 ] && exec "$@"; \
        say() { echo "$1" >&2; exit \(refusalCode); }; \
        command -v sudo >/dev/null || say "\(Refusal.noSudo.rawValue)"; \
        sudo -n true 2>/dev/null && exec sudo -n -- "$@"; \
        [ -n "$word" ] || say "\(Refusal.asksForPassword.rawValue)"; \
        printf '%s\\n' "$word" | sudo -k -S -p '' true >/dev/null 2>&1 \
        || say "\(Refusal.wrongPassword.rawValue)"; \
        { printf '%s\\n' "$word"; exec cat; } | sudo -k -S -p '' -- "$@"
        """
}
