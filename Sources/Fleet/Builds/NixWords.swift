// SPDX-License-Identifier: Apache-2.0

/// How the commands of this machine's Nix begin.
enum NixWords {
    /// The features are named, since versions and configurations differ in which are on.
    static func command(_ noun: String) -> [String] {
        ["nix", "--extra-experimental-features", "nix-command flakes", noun]
    }

    /// Nobody is there to answer what a command would ask on a terminal.
    static let environment: [String: String?] = [
        "TERM": "dumb", "NO_COLOR": "1", "GIT_TERMINAL_PROMPT": "0",
    ]
}
