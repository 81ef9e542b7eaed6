// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// One machine of the fleet, as `[hosts.NAME]` describes it.
package struct Host: Hashable, Sendable {
    package var name: HostName
    /// In the order in which they are tried; at least one.
    package var addresses: [HostAddress]
    /// `nil` for what `ssh_config` says.
    package var user: String?
    package var mac: MACAddress?
    /// The host that builds for this one; `nil` for none.
    package var builder: HostName?
    package var tags: [HostTag] = []
    package var source: SystemSource
    /// The type of system that it takes, such as `x86_64-linux`; `nil` for what it says itself.
    package var system: String?
    package var via: DeployVia?
    package var health = HealthPolicy()
    /// The tier that is this host's Firn; `nil` for the one that has the host's name.
    package var cache: String?
    /// The address of its Firn as the host itself reaches it; `nil` for what its Nix is told to ask.
    package var agent: String?

    package init(name: HostName, addresses: [HostAddress], source: SystemSource) {
        self.name = name
        self.addresses = addresses
        self.source = source
    }
}

/// Where a host's configuration comes from.
package enum SystemSource: Hashable, Sendable {
    /// An attribute of a flake; `reference` as Nix takes it, such as `.` or `github:o/r`.
    case flake(reference: String, attribute: String)
    /// An attribute of what a file evaluates to; `nil` for the file itself.
    case file(path: String, attribute: String?)
    /// A system that is there already.
    case storePath(StorePath)
}

/// Who builds, and so whom the target fetches from.
package enum DeployVia: String, CaseIterable, Sendable {
    case builder
    case target
    case here
}
