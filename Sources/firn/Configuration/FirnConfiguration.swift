// SPDX-License-Identifier: Apache-2.0
package import Depot
package import Fleet
package import Logging

/// Every setting of the daemon after flags, variables and the file were laid over the defaults.
///
/// Plain values: nothing here is open, and ``ConfigurationLoader`` has refused what is not valid.
/// The names follow `firn.toml`; ``Setting/all`` is the table that ties them together.
package struct FirnConfiguration: Hashable, Sendable {
    package struct Server: Hashable, Sendable {
        package var listen: [ServeAddress] = [.tcp(host: "::", port: 5_000)]
        /// The folder of keys, catalog and depot.
        package var state: String
        /// What `nix-cache-info` says; a client asks the lowest first.
        package var priority = 30
        package var tls = TLSFiles()
        /// Permission bits of the unix sockets that Firn makes.
        package var socketMode: UInt32 = 0o660
        /// How long a connection may be open without a request.
        package var idleTimeout = TimeSpan(seconds: 120)
        /// How long running transfers may go on after SIGTERM.
        package var drainLimit = TimeSpan(seconds: 30)
        package var logLevel = Logger.Level.info
        package var metrics = PageReaders.all
        package var statusPage = PageReaders.local
    }

    /// Who may read `/metrics`, or `/status`.
    package enum PageReaders: String, CaseIterable, Sendable {
        case all
        /// Programs of this machine; to others there is nothing there.
        case local
    }

    /// Both are there, or neither is.
    package struct TLSFiles: Hashable, Sendable {
        package var certificate: String?
        package var key: String?
    }

    package struct Signing: Hashable, Sendable {
        /// Empty means the key that Firn makes in the state folder on first start.
        package var keys: [String] = []
    }

    package struct Store: Hashable, Sendable {
        package var root = "/"
        package var compression = StoreCompression.zstd
    }

    package enum StoreCompression: String, CaseIterable, Sendable {
        case zstd
        /// NARs go out as they are, and the depot keeps them so.
        case none
    }

    package enum DepotLocation: Hashable, Sendable {
        /// The folder `depot` in the state folder.
        case inState
        case folder(String)
        /// A bucket; what is under way lies in the state folder.
        case bucket(S3Location)
        /// Nothing is kept.
        case nowhere
    }

    package struct Depot: Hashable, Sendable {
        package var location = DepotLocation.inState
        package var maximumSize = ByteSize(bytes: 10_000_000_000)
        /// What may lie on this machine of a depot in a bucket.
        package var localSize = ByteSize(bytes: 10_000_000_000)
        /// Of a bucket; `nil` for the usual places.
        package var credentialsFile: String?
        package var catalog = CatalogLocation.sqlite
    }

    /// What holds for every deploy; ``FleetSettings`` is what becomes of it.
    package struct Deploy: Hashable, Sendable {
        package var flake = "."
        package var via: DeployVia?
        package var parallel = 4
        package var offline = OfflinePolicy.fail
        package var canary: HostName?
        package var confirmTimeout = TimeSpan(seconds: 60)
        package var activationTimeout = TimeSpan(seconds: 600)
        package var wakeTimeout = TimeSpan(seconds: 180)
        package var allowsTargetBuild = false
        package var evaluationMemory = ByteSize(bytes: 4_000_000_000)
    }

    package var server: Server
    package var signing = Signing()
    package var store = Store()
    package var depot = Depot()
    package var deploy = Deploy()
    /// In the order in which they are asked.
    package var tiers: [TierSettings] = []
    /// Who wrote what is in force, by setting; those that nobody wrote are not there.
    package var origins: [String: SettingOrigin] = [:]
    /// Caches that are to be there.
    package var caches: [DeclaredCache] = []
    /// Issuers whose tokens are taken, and for what.
    package var identities: [DeclaredIdentity] = []
    /// Machines that can be deployed to.
    package var hosts: [DeclaredHost] = []

    package init(state: String) {
        server = Server(state: state)
    }

    /// Where the daemon takes orders, from its owner and root only.
    package var controlSocket: String { "\(server.state)/control.sock" }

    /// What a user calls the depot; `nil` when there is to be none.
    package var depotName: String? {
        guard case .bucket(let location) = depot.location else { return depotDirectory }
        return "\(location)"
    }

    /// Whether the objects of the depot are in a bucket.
    package var isDepotElsewhere: Bool {
        if case .bucket = depot.location { true } else { false }
    }

    /// The depot's folder on this machine; `nil` when there is to be no depot.
    package var depotDirectory: String? {
        switch depot.location {
        case .inState: "\(server.state)/depot"
        case .folder(let path): path
        case .bucket(let location): "\(server.state)/s3/\(location.folderName)"
        case .nowhere: nil
        }
    }
}

extension FirnConfiguration {
    /// A setting and where it was written, for a message that begins with its place.
    package struct Place: Hashable, Sendable, CustomStringConvertible {
        package let key: String
        package let origin: SettingOrigin

        package var description: String { "\(origin): \(key)" }
    }

    /// Where the first of the settings was written that anybody has written.
    package func place(of keys: String...) -> Place? {
        for key in keys {
            if let origin = origins[key] { return Place(key: key, origin: origin) }
        }
        return nil
    }

    /// The file names of TLS when it is on.
    package var tls: (certificate: String, key: String)? {
        guard let certificate = server.tls.certificate, let key = server.tls.key else { return nil }
        return (certificate, key)
    }
}
