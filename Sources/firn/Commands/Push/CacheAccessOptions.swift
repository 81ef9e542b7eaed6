// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import Foundation
import Logging
import NixFormat
import NixStore

/// Which server, who asks, and for which store: what all commands about a remote cache take.
struct CacheAccessOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The Firn that has the cache, with a token; else this machine's own daemon.",
            valueName: "url"
        )
    )
    var server: String?

    @Option(
        help: ArgumentHelp(
            "For cachix:NAME, ask this server in place of https://cachix.org.",
            valueName: "url"
        )
    )
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Read the token from this file; else from FIRN_TOKEN, for Cachix CACHIX_AUTH_TOKEN.",
            valueName: "file"
        )
    )
    var tokenFile: String?

    @Option(help: ArgumentHelp("The Nix store to read; store.root, else /.", valueName: "root"))
    var store: String?

    @Option(help: ArgumentHelp("Look here for store.root and server.state.", valueName: "file"))
    var config: String?

    func validate() throws {
        if let host { _ = try Self.checked(host, "--host") }
        if let server { _ = try Self.checked(server, "--server") }
    }

    /// Reads the name of a cache, and sees whether the options are for it.
    func cache(parsing text: String) throws -> PushCacheReference {
        let cache = try PushCacheReference(parsing: text)
        switch cache {
        case .cachix:
            guard server == nil else {
                throw ValidationError("--server is for caches of Firn; for cachix:NAME use --host")
            }
            return cache
        case .firn(let name, let named):
            guard host == nil else {
                throw ValidationError("--host is for cachix:NAME; a Firn is named with --server")
            }
            guard let server else {
                guard named != nil || tokenFile == nil else {
                    throw ValidationError(
                        "--token-file is for other servers: this machine's own daemon asks for no"
                            + " token; name another one with --server"
                    )
                }
                return cache
            }
            guard named == nil else {
                throw ValidationError("\(cache) names its server already: leave --server out")
            }
            return .firn(name, server: try Self.checked(server, "--server"))
        }
    }

    func configuration() throws -> FirnConfiguration {
        var loader = ConfigurationLoader(
            environment: ProcessInfo.processInfo.environment,
            currentDirectory: FileManager.default.currentDirectoryPath,
            isRoot: geteuid() == 0,
            processID: getpid(),
            fileExists: { FileManager.default.fileExists(atPath: $0) }
        )
        loader.namedFile = config
        return try loader.load().configuration
    }

    func openStore() throws -> NixLocalStore {
        let root = try store ?? configuration().store.root
        var logger = Logger(label: "firn") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        do {
            return try NixLocalStore.open(
                NixStoreConfiguration(root: root),
                workers: WorkerThreads(name: "database", threads: 4, maximumQueued: 10_000),
                logger: logger
            )
        } catch let error as LocalStoreError {
            throw ServeError.storeUnreadable(root: root, reason: "\(error)")
        }
    }

    static func checked(_ url: String, _ option: String) throws -> TierURL {
        do throws(TierURL.ParseError) {
            return try TierURL(parsing: url)
        } catch {
            let example = "\(option) takes http://HOST or https://HOST"
            throw ValidationError("\(example): it \(error.reason)")
        }
    }
}
