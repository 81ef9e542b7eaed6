// SPDX-License-Identifier: Apache-2.0

/// How a Firn under test is configured and started.
package struct ServerSetup: Sendable {
    /// The chroot store it serves.
    package var storeRoot: String
    /// As in `[server] listen`; port 0 is one that the kernel chooses.
    package var listen = ["127.0.0.1:0"]
    /// Nix key files; empty lets Firn make its own.
    package var keys: [String] = []
    /// `zstd` or `none`.
    package var compression = "none"
    /// As in `[depot] max-size`.
    package var depotSize = "1GB"
    /// As in `[depot] location`; `nil` leaves it beneath the state folder.
    package var depotLocation: String?
    /// The state folder of a server that is started again; `nil` for a new one.
    package var state: String?
    /// Other caches behind it, in their order.
    package var tiers: [TierSetup] = []
    /// Tables of `[[cache]]` and whatever else follows.
    package var lastLines: [String] = []
    /// More lines for `[server]`.
    package var serverLines: [String] = []
    /// Added to the environment.
    package var environment: [String: String] = [:]
    /// A shell script that runs `"$@"` in the end, in an environment that it prepared.
    package var launcher: String?
    /// Whether mounts of the launcher are its own and vanish with it.
    package var hasOwnMounts = false
    /// What has to be answered with 200 before a test begins.
    package var readinessTarget = "/readyz"
    /// The scheme its addresses are asked with.
    package var scheme = "http"

    package init(storeRoot: String) {
        self.storeRoot = storeRoot
    }

    /// The `firn.toml` of this set-up.
    package func configuration(state: String) -> String {
        """
        [server]
        listen = [\(Self.list(listen))]
        state = "\(state)"
        \(serverLines.joined(separator: "\n"))

        [signing]
        keys = [\(Self.list(keys))]

        [store]
        root = "\(storeRoot)"
        compression = "\(compression)"

        [depot]
        max-size = "\(depotSize)"
        \(depotLocation.map { "location = \"\($0)\"" } ?? "")
        \(tiers.map(\.configuration).joined())
        \(lastLines.joined(separator: "\n"))
        """
    }

    fileprivate static func list(_ values: [String]) -> String {
        values.map { "\"\($0)\"" }.joined(separator: ", ")
    }
}

/// Another cache behind a Firn under test.
package struct TierSetup: Sendable {
    package var name: String
    package var urls: [String]
    package var publicKeys: [String]
    /// More lines of its table.
    package var lines: [String] = []

    package init(_ name: String, at urls: String..., trusting publicKeys: [String]) {
        self.name = name
        self.urls = urls
        self.publicKeys = publicKeys
    }

    /// As a table of `firn.toml`.
    fileprivate var configuration: String {
        """

        [[tier]]
        name = "\(name)"
        urls = [\(ServerSetup.list(urls))]
        public-keys = [\(ServerSetup.list(publicKeys))]
        \(lines.joined(separator: "\n"))

        """
    }
}
