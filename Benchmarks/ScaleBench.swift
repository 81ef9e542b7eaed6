// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// What a depot costs whose objects lie in a bucket, and whose catalog lies in PostgreSQL.
struct ScaleBench {
    private static let cache = "bench"
    private static let rows = ["scale narinfo", "scale zstd, 16 connections"]

    let options: BenchmarkOptions

    /// Whether somebody wants these figures; they are not part of all.
    static func isWanted(_ options: BenchmarkOptions) -> Bool {
        !options.only.isEmpty && options.only.allSatisfy { $0.lowercased().hasPrefix("scale") }
    }

    func run(in directory: TemporaryDirectory) async throws {
        let missing = [ObjectStoreStand.whatIsMissing, PostgresStand.whatIsMissing]
        if let reason = missing.compactMap({ $0 }).first {
            throw Downloader.UselessAnswer(description: reason)
        }
        if Self.rows.contains(where: options.wants) {
            let source = try await ClosureSource.open(options)
            try await compare(try await ClosureFiles.prepare(source), in: directory)
        }
        if options.wants(CatalogScale.row) {
            try await CatalogScale(paths: options.paths).run(in: directory)
        }
    }

    /// One and the same, pushed to a named cache on the disk and to one in a bucket.
    private func compare(_ files: ClosureFiles, in directory: TemporaryDirectory) async throws {
        let setup = files.source.serverSetup(key: try await files.source.makeKey(in: directory))
            .offering("zstd").declaring(Self.cache)
        try await ObjectStoreStand.run(in: directory) { stand in
            var bucket = setup
            bucket.depotLocation = stand.location(of: ObjectStoreStand.bucket)
            bucket.environment.merge(stand.environment) { $1 }
            try await withServer(setup) { near in
                try await withServer(bucket) { far in
                    for server in [near, far] { try await push(files, to: server) }
                    report(
                        "\n\(Figure.header("on the disk"))".replacing("Firn", with: "in a bucket")
                    )
                    for figure in figures(files, near, far) where options.wants(figure.name) {
                        try await figure.run(rounds: options.rounds)
                    }
                }
            }
        }
    }

    private func push(_ files: ClosureFiles, to server: FirnServer) async throws {
        progress("pushing \(files.paths.count) paths")
        let (closure, store) = ([files.source.top], files.source.store)
        let state = ["--config", server.configurationPath]
        let create = ["token", "create", "--cache", Self.cache, "--allow", "push"]
        let token = try await Command(FirnServer.programme, create + state).run(
            deadline: .seconds(60)
        ).requireSuccess().text.trimmingCharacters(in: .whitespacesAndNewlines)
        try await withTemporaryDirectory { directory in
            let netrc = try directory.write(
                "machine 127.0.0.1 login bench password \(token)\n",
                to: "netrc",
                mode: 0o600
            )
            let url = "\(server.url)/\(Self.cache)?compression=zstd"
            let copy = ["copy", "--to", url, "--option", "netrc-file", netrc]
            try await store.run("nix", copy + closure)
        }
    }

    private func figures(
        _ files: ClosureFiles,
        _ near: FirnServer,
        _ far: FirnServer
    ) -> [Figure] {
        let port = { (side: Contest.Side) in side == .firn ? far.port : near.port }
        return [
            Figure(name: Self.rows[0], unit: .perSecond, bar: nil) { side in
                try await WRK.requestsPerSecond(
                    files.paths.map { "/\(Self.cache)/\($0.storePath.storeHash).narinfo" },
                    port: port(side)
                )
            },
            Figure(name: Self.rows[1], unit: .seconds, bar: nil) { side in
                try await Downloader.seconds(
                    of: files.paths.map { "/\(Self.cache)/nar/\($0.fileName(.zstd))" },
                    port: port(side),
                    connections: 16
                )
            },
        ]
    }
}

extension ServerSetup {
    /// With a cache that everybody may read.
    func declaring(_ cache: String, _ lines: String...) -> ServerSetup {
        var setup = self
        setup.depotSize = "100GB"
        setup.lastLines += ["[[cache]]", "name = \"\(cache)\"", "public = true"] + lines
        return setup
    }
}
