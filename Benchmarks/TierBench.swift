// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// The figures of a Firn that has other caches behind it.
struct TierBench {
    let files: ClosureFiles
    let key: (secret: String, publicKey: String)
    let options: BenchmarkOptions

    /// What the rows' names begin with.
    private static let pulls = ["pull-through", "warm"]
    private static let others = ["clients", "distant", "hostile", "unknown", "restart"]

    /// Whether somebody wants figures that are not of the tiers.
    static func leavesSomething(of options: BenchmarkOptions) -> Bool {
        options.only.isEmpty
            || options.only.contains { word in
                !(pulls + others).contains { isWord(word.lowercased(), of: $0) }
            }
    }

    func run(in directory: TemporaryDirectory) async throws {
        let store = try TemporaryNixStore(
            root: directory.makeDirectory("empty"),
            home: directory.path("empty-home")
        )
        try await store.run("nix-store", ["--init"])
        if wantsAny(of: Self.pulls + ["hostile", "first byte", "last byte"]) {
            try await runWithOrigin(store.root, in: directory)
        }
        if wantsAny(of: ["unknown"]) { try await UnknownPaths.measure(store.root, options) }
        if wantsAny(of: ["distant"]) {
            try await DistantClosure.measure(store.root, key, options)
        }
        if wantsAny(of: ["clients"]) { report(try await OneTransfer.measure(store.root)) }
        if wantsAny(of: ["restart"]) { try await Restart.measure(store.root, options) }
    }

    private func runWithOrigin(_ storeRoot: String, in directory: TemporaryDirectory) async throws {
        let setup = files.source.serverSetup(key: key).offering("none")
        let site = try await withServer(setup) { server in
            try await TierSite.lay(out: files, like: server, in: directory)
        }
        try await site.nginx.serve { nginx in
            let origin = TieredFirn.Tier(
                url: "http://127.0.0.1:\(nginx.port)",
                publicKey: key.publicKey
            )
            let pull = PullThrough(
                files: files,
                originPort: nginx.port,
                setup: TieredFirn.Setup(storeRoot: storeRoot, tiers: [origin]),
                options: options
            )
            try await pull.measure()
            if wantsAny(of: ["warm"]) { try await pull.measureWarm() }
            guard wantsAny(of: ["hostile"]) else { return }
            let hostile = HostileTiers(
                files: files,
                healthy: origin,
                storeRoot: storeRoot,
                options: options
            )
            try await hostile.measure(originFolder: site.nginx.folder)
        }
    }

    private func wantsAny(of groups: [String]) -> Bool {
        options.only.isEmpty
            || options.only.contains { word in
                groups.contains { Self.isWord(word.lowercased(), of: $0) }
            }
    }

    /// Whether it is a part of what the rows' names begin with, or more than that.
    private static func isWord(_ word: String, of group: String) -> Bool {
        group.contains(word) || word.hasPrefix(group)
    }
}
