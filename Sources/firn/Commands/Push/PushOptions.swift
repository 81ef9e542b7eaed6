// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import Foundation
import Logging
import NixFormat
import NixStore
import Push

/// What all commands that send to a cache take.
struct PushOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Ask this server in place of https://cachix.org.", valueName: "url"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Read the token from this file, else from CACHIX_AUTH_TOKEN.",
            valueName: "file"
        )
    )
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "Sign with the key in this file, else with CACHIX_SIGNING_KEY, else the server signs.",
            valueName: "file"
        )
    )
    var signingKeyFile: String?

    @Option(
        help: ArgumentHelp("How many paths are sent at a time, 1 to 512.", valueName: "number")
    )
    var jobs = 64

    @Option(
        help: ArgumentHelp(
            "Do not send paths in which this regular expression is found.",
            valueName: "regex"
        )
    )
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp("Do not send NARs larger than this, such as 2GB.", valueName: "size")
    )
    var maxNarSize: String?

    @Option(
        help: ArgumentHelp(
            "How long a request that fails is tried again, such as 90s.",
            valueName: "time"
        )
    )
    var retryFor = "90s"

    @Option(help: ArgumentHelp("The Nix store to read; store.root, else /.", valueName: "root"))
    var store: String?

    @Option(help: ArgumentHelp("Look here for store.root and server.state.", valueName: "file"))
    var config: String?

    func validate() throws {
        guard (1...512).contains(jobs) else {
            throw ValidationError("--jobs takes a number from 1 to 512, not \(jobs)")
        }
        _ = try maximumNARBytes()
        _ = try patience()
        if let host { _ = try Self.checked(host) }
    }

    func filter() throws -> PushFilter {
        try PushFilter(excluding: exclude, maximumNARBytes: maximumNARBytes())
    }

    func pusherConfiguration() throws -> Pusher.Configuration {
        var result = Pusher.Configuration()
        result.jobs = jobs
        result.retry.patience = try patience().duration
        return result
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
    func withTarget<Value>(
        _ cache: PushCacheReference,
        _ store: NixLocalStore,
        _ body: (any PushTarget) async throws -> Value
    ) async throws -> Value {
        let secrets = try PushSecrets(
            tokenFile: tokenFile,
            signingKeyFile: signingKeyFile,
            environment: ProcessInfo.processInfo.environment
        )
        for warning in secrets.warnings { StandardError.write("firn: warning: \(warning)") }
        // As many are being completed as are being sent.
        let session = WebSession(connections: jobs * 2)
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
    ) throws -> any PushTarget {
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

    private func patience() throws -> TimeSpan {
        do throws(TimeSpan.ParseError) {
            return try TimeSpan(parsing: retryFor)
        } catch {
            throw ValidationError(
                "--retry-for takes a time such as \"90s\" or \"10m\", not \"\(retryFor)\""
            )
        }
    }

    private func maximumNARBytes() throws -> UInt64? {
        guard let maxNarSize else { return nil }
        do throws(ByteSize.ParseError) {
            return try ByteSize(parsing: maxNarSize).bytes
        } catch {
            throw ValidationError(
                "--max-nar-size takes a size such as \"2GB\": \"\(maxNarSize)\" \(error.reason)"
            )
        }
    }
}
