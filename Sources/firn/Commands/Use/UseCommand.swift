// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Glibc
import NixFormat

/// `firn use`.
struct UseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "use",
        abstract: "Have Nix use a cache, or leave it.",
        discussion: """
            Finds the cache's public key, looks whether the cache answers, shows what it is going to \
            write, and asks. What is there already stays as it is, byte by byte, and --remove takes \
            exactly the same lines away. For a private cache the token goes into a netrc file that \
            nobody else can read; it comes from --token-file or FIRN_TOKEN, at Cachix from \
            CACHIX_AUTH_TOKEN.

            With --agent the daemon of this machine becomes the only cache that Nix asks.

            Example:
              firn use http://p620:5000
              firn use cachix:nix-community --user
              sudo firn use --agent

            Exit codes:
              0  done, or so already
              1  failed
              2  wrong usage or configuration
              3  written, and Nix's configuration still says otherwise
              4  refused: by the cache, by who was asked, or to keep what others wrote
              5  the cache is not reached
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A URL, cachix:NAME, or the name of a cache at a Firn server.",
            valueName: "cache"
        )
    )
    var cache: String?

    @Flag var form: UseForm?

    @Flag(help: "Make this machine's daemon the only cache that Nix asks.")
    var agent = false

    @Flag(help: "Take away what was written for the cache.")
    var remove = false

    @Option(help: ArgumentHelp("The module's file; firn-cache.nix.", valueName: "file"))
    var out: String?

    @Option(
        help: ArgumentHelp(
            "Whose the cache of this name is; else this machine's daemon's.",
            valueName: "url"
        )
    )
    var server: String?

    @Option(help: ArgumentHelp("Ask this server in place of https://cachix.org.", valueName: "url"))
    var host: String?

    @Option(
        help: ArgumentHelp("The token to read the cache with is in this file.", valueName: "file")
    )
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "Trust this key, and do not ask the cache for its own; may be given again.",
            valueName: "key"
        )
    )
    var publicKey: [String] = []

    @Flag(help: "Do not ask.")
    var yes = false

    @Flag(help: "Only show what would be written.")
    var dryRun = false

    @Flag(help: "Pass over another token for the same host, and over changes made by hand.")
    var force = false

    @Flag(help: "Print what was done as JSON, on one line.")
    var json = false

    @Option(help: ArgumentHelp("Look here for where the daemon listens.", valueName: "file"))
    var config: String?

    func validate() throws {
        guard cache != nil || agent else {
            throw ValidationError("name a cache, such as http://p620:5000 or cachix:NAME")
        }
        guard out == nil || form == .nixos else {
            throw ValidationError("--out is for --nixos")
        }
    }

    private var environment: [String: String] { ProcessInfo.processInfo.environment }

    func run() async throws {
        let form = form ?? (geteuid() == 0 ? .system : .user)
        let reference = try cache.map { text throws(UseReference.ParseError) in
            try UseReference(parsing: text)
        }
        let planning = UsePlanning(
            form: form,
            places: try ClientPlaces(form, environment: environment),
            modulePath: form == .nixos ? Self.absolute(out ?? "firn-cache.nix") : nil,
            isForced: force
        )
        let session = UseSession(
            planning: planning,
            conversation: UseConversation(isJSON: json, isDryRun: dryRun, isAgreed: yes),
            environment: environment
        )
        if remove {
            try await session.remove(try name(of: reference))
        } else if agent {
            try await session.useAgent { try await discovery().findAgent(reference) }
        } else if let reference {
            try await session.use(try await discovery().find(reference))
        }
    }

    private func discovery() throws -> CacheDiscovery {
        let directory = environment["NIX_STORE_DIR"].flatMap { try? StoreDirectory(parsing: $0) }
        return CacheDiscovery(
            configuration: CacheDiscovery.Configuration(
                server: try server.map { try Self.checked($0, "--server") },
                cachixHost: try host.map { try Self.checked($0, "--host") },
                publicKeys: try publicKey.map { text throws(UseError) in
                    guard let key = try? PublicKey(parsing: text) else {
                        throw .badKey(source: "--public-key", text: text)
                    }
                    return key
                },
                tokenFile: tokenFile,
                storeDirectory: directory ?? .standard,
                daemon: try daemon(),
                environment: environment
            )
        )
    }

    private func daemon() throws -> DaemonOptions {
        var daemon = try DaemonOptions.parse([])
        daemon.config = config
        return daemon
    }

    /// The name that the lines are found by again, without asking anybody.
    private func name(of reference: UseReference?) throws -> String {
        switch reference {
        case .url(let url): return "\(url)"
        case .cachix(let name): return "cachix:\(name)"
        case .named(let name):
            guard let server else { return "\(name)" }
            return "\(try Self.checked(server, "--server"))/\(name)"
        case nil: return "\(try daemon().address())"
        }
    }

    private static func checked(_ text: String, _ option: String) throws -> TierURL {
        do throws(TierURL.ParseError) {
            return try TierURL(parsing: text)
        } catch .hasCredentials {
            throw ValidationError("\(option) has a user name or password in it; it takes none")
        } catch {
            throw ValidationError("\(option) takes http://HOST or https://HOST: it \(error.reason)")
        }
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }
}
