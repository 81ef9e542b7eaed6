// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `firn key`: the noun; its verbs do the work.
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make signing keys, and show their public half.",
        discussion: """
            Keys have Nix's own format: `nix-store --generate-binary-cache-key` makes the same, \
            and Nix signs with these.

            Example:
              firn key generate cache.example.org-1 --out /etc/nix

            Exit codes:
              0  done
              1  failed
              2  wrong usage, or not a key
            """,
        subcommands: [KeyGenerate.self, KeyPublic.self]
    )
}
