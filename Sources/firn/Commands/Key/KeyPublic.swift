// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import NixFormat

/// `firn key public FILE`.
struct KeyPublic: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "public",
        abstract: "Print the public key of a secret key.",
        discussion: """
            What it prints goes into `trusted-public-keys` of the clients.

            Example:
              firn key public /etc/nix/cache.example.org-1.secret

            Exit codes:
              0  printed
              2  wrong usage, or the file is no secret key or cannot be read
            """
    )

    @Argument(
        help: ArgumentHelp("A secret key file; - is standard input.", valueName: "file")
    )
    var file: String

    func run() throws {
        let key =
            file == "-"
            ? try SecretKeyFile.read(.standardInput, path: "standard input")
            : try SecretKeyFile.read(file)
        StandardOutput.write(key.publicKey.description)
    }
}
