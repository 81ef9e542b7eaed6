// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Glibc

/// `firn serve`: the daemon.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve this machine's Nix store to other machines.",
        discussion: """
            With no configuration at all it serves /nix/store on [::]:5000, signs with a key that \
            is made on first start, and prints how a client uses it.

            Settings come from flags, else from FIRN_* variables, else from a file: --config, \
            else $FIRN_CONFIG, else ./firn.toml, else /etc/firn/firn.toml. SIGHUP rereads the \
            keys and the TLS files; SIGTERM lets running transfers finish, and a second one does not.

            Example:
              firn serve --listen '[::]:5000' --key /etc/nix/secret-key

            Exit codes:
              0  ended by SIGTERM or SIGINT, or the check found nothing wrong
              1  failed, for example because the address is in use
              2  wrong usage or configuration, or a file that it names is not usable
              5  the store cannot be reached
              130  told to stop a second time while transfers were still running
            """
    )

    @Option(help: ArgumentHelp("Read this file and no other.", valueName: "file"))
    var config: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Listen on HOST:PORT or unix:PATH; may be given several times.",
            valueName: "address"
        )
    )
    var listen: [String] = []

    @Option(help: ArgumentHelp("Serve the store below this folder.", valueName: "root"))
    var store: String?

    @Option(
        help: ArgumentHelp(
            "Keep NARs that are ready to be sent in this folder; none keeps nothing.",
            valueName: "folder"
        )
    )
    var depot: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Sign with this secret key; may be given several times.",
            valueName: "file"
        )
    )
    var key: [String] = []

    @Flag(help: "Check the configuration, the keys, the TLS files and the depot, and exit.")
    var check = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let outcome = try loader(environment).load()
        warn(outcome.warnings)
        let configuration = outcome.configuration
        let keys = SigningKeyFiles(configuration, environment: environment)
        let report = ConfigurationCheck(outcome: outcome, keys: keys)
        if check {
            warn(try report.verify())
            StandardOutput.write(report.text)
        } else {
            try ConfigurationCheck.requireStore(below: configuration.store.root)
            let secrets = try report.tierSecrets()
            warn(secrets.flatMap(\.warnings))
            try await Assembly.run(configuration, keys: keys, secrets: secrets.map(\.secrets))
        }
    }

    private func loader(_ environment: [String: String]) -> ConfigurationLoader {
        var loader = ConfigurationLoader(
            environment: environment,
            currentDirectory: FileManager.default.currentDirectoryPath,
            isRoot: geteuid() == 0,
            processID: getpid(),
            fileExists: { FileManager.default.fileExists(atPath: $0) }
        )
        loader.namedFile = config
        loader.hostName = ProcessInfo.processInfo.hostName
        loader.ownAddresses = IPAddress.ofThisMachine()
        loader.socketAddress = { ServeAddress.ofSocket($0) }
        loader.flags = [
            "server.listen": listen,
            "store.root": store.map { [$0] } ?? [],
            "depot.location": depot.map { [$0] } ?? [],
            "signing.keys": key,
        ]
        return loader
    }

    private func warn(_ warnings: [String]) {
        for warning in warnings { StandardError.write("firn: warning: \(warning)") }
    }
}
