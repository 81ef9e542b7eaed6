// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import Foundation
import Glibc

/// Where the daemon is that a command asks.
struct DaemonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Ask this daemon: http://HOST:PORT or unix:PATH.", valueName: "url"))
    var url: String?

    @Option(help: ArgumentHelp("Look here for where the daemon listens.", valueName: "file"))
    var config: String?

    /// - Throws: For a URL that is none, and for a configuration from which nothing follows.
    func address() throws -> FirnAddress {
        if let url { return try Self.address(parsing: url) }
        let configuration = try loader().load().configuration
        return try DaemonPlace(configuration).address()
    }

    /// Where the daemon takes orders: a socket of its own in the state folder.
    func controlAddress() throws -> FirnAddress {
        if let url { return try Self.address(parsing: url) }
        return .unix(path: try loader().load().configuration.controlSocket)
    }

    /// What is configured here, daemon or no daemon.
    func configuration() throws -> FirnConfiguration { try loader().load().configuration }

    /// The same, with where it was read.
    func outcome() throws -> ConfigurationLoader.Outcome { try loader().load() }

    private static func address(parsing url: String) throws(DaemonPlace.Failure) -> FirnAddress {
        if url.hasPrefix("unix:") {
            let path = String(url.dropFirst(5))
            guard let checked = try? ServeAddress.checkedSocketPath(path) else {
                throw .badURL(url, reason: "has a path that no socket can have")
            }
            return .unix(path: checked)
        }
        do {
            let parsed = try TierURL(parsing: url)
            return .web(url: parsed.description, certificate: .trustedHere)
        } catch .hasCredentials {
            throw .badURL("…", reason: "has a user name or password in it; the daemon takes none")
        } catch {
            throw .badURL(url, reason: error.reason)
        }
    }

    private func loader() -> ConfigurationLoader {
        var loader = ConfigurationLoader(
            environment: ProcessInfo.processInfo.environment,
            currentDirectory: FileManager.default.currentDirectoryPath,
            isRoot: geteuid() == 0,
            processID: getpid(),
            fileExists: { FileManager.default.fileExists(atPath: $0) }
        )
        loader.namedFile = config
        return loader
    }
}
