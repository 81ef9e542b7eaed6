// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// The store and the path whose closure is measured.
struct ClosureSource {
    let store: TemporaryNixStore
    let top: String
    /// Where what is made of it is kept between runs.
    let cache: String

    /// Opens what was asked for; else builds the closure of Debian packages, or finds it built.
    static func open(_ options: BenchmarkOptions) async throws -> ClosureSource {
        let cache = try cacheFolder()
        if let path = options.storePath {
            let home = "\(cache)/home"
            let store = try TemporaryNixStore(root: options.storeRoot, home: home)
            return ClosureSource(store: store, top: path, cache: "\(cache)/\(path.storeBaseName)")
        }
        let store = try TemporaryNixStore(root: "\(cache)/store", home: "\(cache)/home")
        let packages = try DebianPackages.choose()
        progress("building \(packages.parts.count) paths of \(packages.totalBytes >> 20) MiB")
        let top = try await store.build(packages.expression(listsIn: "\(cache)/lists"))[0]
        return ClosureSource(store: store, top: top, cache: "\(cache)/\(top.storeBaseName)")
    }

    func makeKey(
        in directory: TemporaryDirectory
    ) async throws -> (secret: String, publicKey: String) {
        let secret = directory.path("bench.secret")
        let publicFile = directory.path("bench.public")
        let arguments = ["--generate-binary-cache-key", "firn.bench-1", secret, publicFile]
        let environment = NixClient.isolatedEnvironment(home: directory.path)
        try await Command("nix-store", arguments, environment: environment)
            .run(deadline: .seconds(30)).requireSuccess()
        return (secret, try String(contentsOfFile: publicFile, encoding: .utf8))
    }

    func serverSetup(key: (secret: String, publicKey: String)) -> ServerSetup {
        var setup = ServerSetup(storeRoot: store.root)
        setup.keys = [key.secret]
        setup.depotSize = "100GB"
        return setup
    }

    /// What every run may keep things in.
    static func cacheFolder() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let home = environment["HOME"] ?? "/root"
        let caches = environment["XDG_CACHE_HOME"] ?? "\(home)/.cache"
        let folder = "\(caches)/firn/bench"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        return folder
    }
}

extension ServerSetup {
    /// The same with one form of NARs in its narinfos.
    func offering(_ compression: String) -> ServerSetup {
        var setup = self
        setup.compression = compression
        return setup
    }
}
