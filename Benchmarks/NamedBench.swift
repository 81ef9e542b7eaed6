// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Named caches and nginx with the same closure, which is pushed first.
struct NamedBench {
    let files: ClosureFiles
    let server: FirnServer
    let nginx: NginxSite.Address
    let options: BenchmarkOptions

    private static let open = "bench-open"
    private static let closed = "bench-closed"

    /// Runs the figures that are wanted; the closure is pushed only if any is.
    func run(in directory: TemporaryDirectory) async throws {
        let names = ["named narinfo", "named narinfo with a token", "named zstd, 16 connections"]
        guard names.contains(where: options.wants) else { return }
        let token = try await makeCaches()
        let netrc = try directory.write(
            "machine 127.0.0.1 login bench password \(token)\n",
            to: "bench-netrc"
        )
        for name in [Self.open, Self.closed] {
            progress("pushing the closure to cache \(name)")
            let url = "\(server.url)/\(name)?compression=zstd"
            try await files.source.store.run(
                "nix",
                ["copy", "--to", url, "--option", "netrc-file", netrc, files.source.top]
            )
        }
        report("\n\(Figure.header("nginx"))")
        for figure in figures(names, token) where options.wants(figure.name) {
            try await figure.run(rounds: options.rounds)
        }
    }

    private func figures(_ names: [String], _ token: String) -> [Figure] {
        [
            narInfoRate(names[0], of: Self.open, nil),
            narInfoRate(names[1], of: Self.closed, "Bearer \(token)"),
            Figure(name: names[2], unit: .seconds, bar: 1.2) { side in
                let prefix = side == .firn ? "/\(Self.open)" : "/zstd"
                return try await Downloader.seconds(
                    of: files.paths.map { "\(prefix)/nar/\($0.fileName(.zstd))" },
                    port: port(side),
                    connections: 16
                )
            },
        ]
    }

    private func narInfoRate(
        _ name: String,
        of cache: String,
        _ authorization: String?
    ) -> Figure {
        Figure(name: name, unit: .perSecond, bar: 1.0) { side in
            let prefix = side == .firn ? "/\(cache)" : "/zstd"
            return try await WRK.requestsPerSecond(
                files.paths.map { "\(prefix)/\($0.storePath.storeHash).narinfo" },
                port: port(side),
                authorization: authorization
            )
        }
    }

    private func port(_ side: Contest.Side) -> UInt16 {
        side == .firn ? server.port : nginx.port
    }

    /// - Returns: A token for both.
    private func makeCaches() async throws -> String {
        _ = try await firn("cache", "create", Self.open, "--public")
        _ = try await firn("cache", "create", Self.closed)
        return try await firn(
            "token",
            "create",
            "--cache",
            "bench-*",
            "--allow",
            "pull,push",
            "--expires",
            "1d"
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func firn(_ arguments: String...) async throws -> String {
        let all = arguments + ["--config", server.configurationPath]
        let command = Command(FirnServer.programme, all, environment: Command.plainEnvironment)
        return try await command.run(deadline: .seconds(60)).requireSuccess().text
    }
}
