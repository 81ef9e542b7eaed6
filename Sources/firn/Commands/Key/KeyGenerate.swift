// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import NixFormat

/// `firn key generate NAME`.
struct KeyGenerate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make a key pair.",
        discussion: """
            Writes NAME.secret, which only its owner may read, and NAME.public, and prints the \
            public key. Files that are there already are never overwritten.

            Example:
              firn key generate cache.example.org-1 --out /etc/nix

            Exit codes:
              0  both files were written
              1  a file is there already or cannot be written
              2  wrong usage, or not a name for a key
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The key's name, which its signatures carry; usually HOST-NUMBER.",
            valueName: "name"
        )
    )
    var name: String

    @Option(help: ArgumentHelp("Write into this folder.", valueName: "dir"))
    var out = "."

    func run() throws {
        let key = try makeKey()
        let stem = out.hasSuffix("/") ? out + name : "\(out)/\(name)"
        try SecretKeyFile.make(key, secretPath: "\(stem).secret", publicPath: "\(stem).public")
        StandardError.write("wrote \(stem).secret and \(stem).public")
        StandardOutput.write(key.publicKey.description)
    }

    private func makeKey() throws(KeyFileError) -> SecretKey {
        guard !name.contains("/"), !name.hasPrefix("."), name.utf8.count <= 200 else {
            throw .badName(name, nil)
        }
        do {
            return try SecretKey.generate(name: name)
        } catch {
            throw .badName(name, error)
        }
    }
}
