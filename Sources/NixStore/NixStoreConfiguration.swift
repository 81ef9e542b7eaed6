// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Where a Nix store is, and how hard to work on it.
package struct NixStoreConfiguration: Sendable {
    /// The directory that Nix's `--store` names; `/` for the machine's own store.
    package var root: String
    /// The logical store directory, which is what paths are called in narinfos and in the database.
    package var storeDirectory: StoreDirectory
    /// Where the files really are; `nil` for the store directory below the root (Nix's `?real=`).
    package var realStoreDirectory: String?
    /// Nix's state; `nil` for `nix/var/nix` below the root (Nix's `?state=`).
    package var stateDirectory: String?
    /// Nix's logs; `nil` for `nix/var/log/nix` below the root (Nix's `?log=`).
    package var logDirectory: String?
    /// The daemon's socket; `nil` for the one below the state directory.
    package var daemonSocket: String?
    /// How often the database is looked at for changes.
    package var pollInterval: Duration

    package init(root: String = "/", storeDirectory: StoreDirectory = .standard) {
        self.root = root
        self.storeDirectory = storeDirectory
        pollInterval = .milliseconds(100)
    }
}

/// The places of a store, resolved.
struct StoreLayout: Sendable {
    let realStoreDirectory: String
    let stateDirectory: String
    let logDirectory: String
    let daemonSocket: String

    init(_ configuration: NixStoreConfiguration) {
        var root = configuration.root
        while root.hasSuffix("/") { root.removeLast() }
        realStoreDirectory =
            configuration.realStoreDirectory ?? root + configuration.storeDirectory.path
        let state = configuration.stateDirectory ?? root + "/nix/var/nix"
        stateDirectory = state
        logDirectory = configuration.logDirectory ?? root + "/nix/var/log/nix"
        daemonSocket = configuration.daemonSocket ?? state + "/daemon-socket/socket"
    }

    var database: String { stateDirectory + "/db/db.sqlite" }

    func realPath(of path: StorePath) -> String { "\(realStoreDirectory)/\(path)" }
}
