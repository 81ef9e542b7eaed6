// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import Foundation
import Logging
import NixFormat
import NixStore
import Push

/// Which server, who asks, and for which store: what all commands about a remote cache take.
struct CacheAccessOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Ask this server in place of https://cachix.org.", valueName: "url"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Read the token from this file, else from CACHIX_AUTH_TOKEN.",
            valueName: "file"
        )
    )
    var tokenFile: String?

    @Option(help: ArgumentHelp("The Nix store to read; store.root, else /.", valueName: "root"))
    var store: String?

    @Option(help: ArgumentHelp("Look here for store.root and server.state.", valueName: "file"))
    var config: String?

    func validate() throws {
        if let host { _ = try Self.checked(host) }
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

    /// The way to the cache, open for the time of the body.
    func withCachix<Value>(
        _ cache: PushCacheReference,
        _ store: NixLocalStore,
        signingKeyFile: String? = nil,
        connections: Int,
        _ body: (CachixTarget) async throws -> Value
    ) async throws -> Value {
        let secrets = try PushSecrets(
            tokenFile: tokenFile,
            signingKeyFile: signingKeyFile,
            environment: ProcessInfo.processInfo.environment
        )
        for warning in secrets.warnings { StandardError.write("firn: warning: \(warning)") }
        let session = WebSession(connections: connections)
        do {
            let value = try await body(target(cache, store, secrets, session))
            await session.shutDown()
            return value
        } catch {
            await session.shutDown()
            throw error
        }
    }

    private func target(
        _ cache: PushCacheReference,
        _ store: NixLocalStore,
        _ secrets: PushSecrets,
        _ session: WebSession
    ) throws -> CachixTarget {
        switch cache {
        case .cachix(let name):
            var configuration = CachixTarget.Configuration(name: name, token: secrets.token)
            configuration.signingKey = secrets.signingKey
            configuration.userAgent = "firn \(Firn.version)"
            if let host { configuration.host = try Self.checked(host) }
            return CachixTarget(
                configuration,
                storeDirectory: store.directory,
                session: session
            )
        }
    }

    private static func checked(_ host: String) throws -> String {
        do throws(TierURL.ParseError) {
            return try TierURL(parsing: host).description
        } catch {
            throw ValidationError("--host takes http://HOST or https://HOST: it \(error.reason)")
        }
    }
}
