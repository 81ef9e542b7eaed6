// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// The files of an ``EvaluatedMachine`` in a folder, in place of `/etc` and systemd's folder of credentials.
struct RenderedMachine: Sendable {
    let machine: EvaluatedMachine
    let folder: String
    var configurationPath: String { "\(folder)/etc/firn.toml" }
    var nixConfFolder: String { "\(folder)/etc" }

    /// Writes the files below a new folder, with one key of p620 in place of the example's; other
    /// secrets are made up.
    static func install(
        _ machine: EvaluatedMachine,
        named name: String = "machine",
        key given: TestKey? = nil,
        in directory: TemporaryDirectory
    ) async throws -> RenderedMachine {
        let folder = TemporaryDirectory(path: try directory.makeDirectory(name))
        try folder.makeDirectory("etc")
        let credentials = try folder.makeDirectory("credentials")
        let authority = try await TestAuthority.make(in: folder)
        let made = try await TestKey.make(name: "p620-1", in: folder)
        let key = given ?? made
        for line in machine.values("LoadCredential", in: "firn.service") {
            let credential = String(line.prefix { $0 != ":" })
            let file: String? =
                switch credential {
                case "tls-certificate": authority.serverCertificate
                case "tls-key": authority.serverKey
                case "signing-key-0": key.secretPath
                default: nil
                }
            let text = try file.map { try String(contentsOfFile: $0, encoding: .utf8) }
            try folder.write(text ?? "token\n", to: "credentials/\(credential)", mode: 0o600)
        }
        let ownKey = { (text: String) in
            text.replacing(/p620-1:[^" \n]*/, with: key.publicKey)
        }
        try folder.write(
            ownKey(machine.configuration)
                .replacing("/run/credentials/firn.service", with: credentials),
            to: "etc/firn.toml"
        )
        try folder.write(ownKey(machine.nixConf), to: "etc/nix.conf")
        return RenderedMachine(machine: machine, folder: folder.path)
    }

    /// The service as systemd starts it, with its sockets, once somebody connects.
    var start: [String] {
        var words = ["systemd-socket-activate"]
        words += machine.values("ListenStream", in: "firn.socket").map { "--listen=\($0)" }
        for line in machine.values("Environment", in: "firn.service") {
            let pair = line.trimmingCharacters(in: ["\""])
                .replacing("/etc/firn/firn.toml", with: configurationPath)
            words.append("--setenv=\(pair)")
        }
        let command = machine.values("ExecStart", in: "firn.service").first ?? ""
        return words + command.split(separator: " ").map(String.init)
    }
}
