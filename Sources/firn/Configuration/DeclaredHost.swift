// SPDX-License-Identifier: Apache-2.0
package import Fleet

/// One `[hosts.NAME]`: a machine of the fleet, as the configuration has it.
///
/// Plain values, as in ``FirnConfiguration``; ``HostField/all`` ties them to the file.
package struct DeclaredHost: Hashable, Sendable {
    package var name: HostName
    package var addresses: [HostAddress] = []
    package var user: String?
    package var mac: MACAddress?
    package var builder: HostName?
    package var tags: [HostTag] = []
    package var source: SystemSource?
    package var system: String?
    package var via: DeployVia?
    package var cache: String?
    package var agent: String?
    package var healthUnits: [String] = []
    package var healthTCP: [HostAddress] = []
    package var healthHTTP: [String] = []
    package var healthCommands: [String] = []
    package var healthSettle = TimeSpan(seconds: 5)
    package var healthDeadline = TimeSpan(seconds: 60)
    /// Where keys are written that only make sense beside others.
    package var origins: [String: SettingOrigin] = [:]

    package init(name: HostName) {
        self.name = name
    }
}

extension DeclaredHost {
    /// The host as deploys see it; `flake` has the configurations of hosts that name none.
    package func host(flake: String) -> Host {
        // A name is an address unless it is none of any kind, which `HostField` has refused.
        let own = (try? HostAddress(parsing: name.description)).map { [$0] } ?? []
        let source = source ?? .flake(reference: flake, attribute: defaultAttribute)
        var host = Host(name: name, addresses: addresses.isEmpty ? own : addresses, source: source)
        host.user = user
        host.mac = mac
        host.builder = builder
        host.tags = tags
        host.system = system
        host.via = via
        host.cache = cache
        host.agent = agent
        host.health.checks =
            healthUnits.map { .unit($0) }
            + healthTCP.map { .tcp(host: $0.name, port: $0.port ?? 0) }
            + healthHTTP.map { .http(url: $0) } + healthCommands.map { .command($0) }
        host.health.settle = healthSettle.duration
        host.health.deadline = healthDeadline.duration
        return host
    }

    private var defaultAttribute: String {
        let text = name.description
        let word = text.contains(".") ? "\"\(text)\"" : text
        return "nixosConfigurations.\(word).config.system.build.toplevel"
    }
}
