// SPDX-License-Identifier: Apache-2.0
import CacheClient
import ClientSetup
import Foundation
import Glibc
import NixFormat

/// Looks at everything, all that does not wait for each other at once.
struct DoctorGathering {
    let daemon: DaemonOptions
    /// Caches that Nix shall use, as they were named.
    let references: [UseReference]
    let cachixHost: TierURL?
    let environment: [String: String]

    /// For each look; what is not known by then counts as silent.
    private static let limit = Duration.milliseconds(2_800)
    /// Nix answers in a tenth of a second; a laptop that is busy is no reason to say that it does not.
    private static let nixLimit = Duration.seconds(8)
    private static let mostSamples = 16

    func gather() async -> Evidence {
        var evidence = Evidence(version: Firn.version)
        let (configuration, file) = configuration(&evidence)
        evidence.wakeable = configuration.wakeable
        let machine = MachineProbe(
            configuration: configuration,
            environment: environment,
            limit: Self.limit
        )
        let daemon = daemonProbe(configuration, file)
        let environment = environment
        async let nix = Self.nix(environment)
        async let database = machine.database()
        async let disks = machine.disks()
        async let firewall = machine.firewall()
        async let state = daemon?.run(environment)
        async let quotas = daemon?.quotas()
        evidence.nix = await nix
        evidence.secrets = machine.secrets()
        await askCaches(configuration, daemon, &evidence)
        evidence.database = await database
        evidence.disks = await disks
        evidence.firewall = await firewall
        evidence.daemon = await state
        evidence.quotas = await quotas ?? nil
        return evidence
    }

    private func configuration(_ evidence: inout Evidence) -> (FirnConfiguration, String?) {
        do {
            let outcome = try daemon.outcome()
            evidence.configuration =
                outcome.file.map { .valid(file: $0, warnings: outcome.warnings) } ?? .nothing
            return (outcome.configuration, outcome.file)
        } catch {
            evidence.configuration = .invalid(reason: "\(error)")
            return (FirnConfiguration(state: "/var/lib/firn"), nil)
        }
    }

    private func daemonProbe(_ configuration: FirnConfiguration, _ file: String?) -> DaemonProbe? {
        let control = try? daemon.controlAddress()
        // A socket that was handed over has no address in the file.
        guard let address = (try? daemon.address()) ?? control else { return nil }
        return DaemonProbe(
            address: address,
            control: daemon.url == nil ? control : nil,
            configuration: configuration,
            file: file,
            isNamed: daemon.url != nil,
            limit: Self.limit
        )
    }

    private static func nix(_ environment: [String: String]) async -> NixFacts {
        async let age = Bounded.run(limit) { NixDaemonAge.fileChangedSinceStart(environment) }
        let probe = await NixProbe.run(limit: nixLimit)
        var facts = NixFacts()
        facts.versionText = probe.versionText
        facts.version = probe.version
        facts.settings = probe.settings
        facts.command = probe.command
        if DaemonTrust.hasDaemon(environment) { facts.daemonIsOlderThan = await age ?? nil }
        return facts
    }

    // MARK: Caches

    private func askCaches(
        _ configuration: FirnConfiguration,
        _ daemon: DaemonProbe?,
        _ evidence: inout Evidence
    ) async {
        let logins = KnownLogins(evidence.nix)
        if logins.hasSecrets, let path = logins.path {
            evidence.secrets.append(MachineProbe.closed(path, "netrc file"))
        }
        var targets =
            await named(logins, &evidence) + SetUpCaches(environment: environment).targets()
        targets += evidence.nix.substituters.compactMap { CacheTarget(entry: $0, .listed) }
        // A certificate of this machine's daemon is not made for loopback: Nix could not ask there.
        if case .web(let text, let certificate) = daemon?.address,
            certificate != .none || text.hasPrefix("http://"),
            let url = try? TierURL(parsing: text)
        {
            targets.append(CacheTarget(url, .own))
        }
        for tier in configuration.tiers {
            targets += tier.urls.map { CacheTarget($0, .tier(tier.name)) }
        }
        targets = CacheTarget.merged(targets)
        for place in targets.indices {
            targets[place].login = logins.login(for: targets[place].url.host)
        }
        await cachixHosts(of: targets, logins, &evidence)
        evidence.caches = await ask(targets, configuration)
        let answering = evidence.caches.filter { $0.reach == .answers }.map(\.url)
        evidence.misses = await MissProbe(evidence.nix, environment, Self.limit)
            .run(targets.filter { answering.contains("\($0.url)") })
    }

    private func ask(
        _ targets: [CacheTarget],
        _ configuration: FirnConfiguration
    ) async -> [CacheFacts] {
        let finder =
            configuration.store.root == "/"
            ? SamplePaths(storeDirectory: .standard, environment: environment)
            : SamplePaths(storeDirectory: .standard, root: configuration.store.root)
        let samples = await Bounded.run(.seconds(1)) { finder.find(atMost: Self.mostSamples) } ?? []
        return await withTaskGroup(of: (Int, CacheFacts).self) { group in
            for (place, target) in targets.enumerated() {
                let probe = CacheProbe(
                    url: target.url,
                    role: target.role,
                    listedPriority: target.listedPriority,
                    login: target.login,
                    samples: samples,
                    storeDirectory: .standard,
                    limit: Self.limit
                )
                group.addTask { (place, await probe.run()) }
            }
            return await group.reduce(into: [(Int, CacheFacts)]()) { $0.append($1) }
                .sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// The caches of the command line.
    private func named(_ logins: KnownLogins, _ evidence: inout Evidence) async -> [CacheTarget] {
        var targets: [CacheTarget] = []
        for reference in references {
            let role = CacheFacts.Role.wanted(reason: "it was named")
            switch reference {
            case .url(let url): targets.append(CacheTarget(url, role))
            case .named(let name):
                guard case .web(let text, _) = try? daemon.address(),
                    let url = try? TierURL(parsing: text).appending("\(name)")
                else { continue }
                targets.append(CacheTarget(url, role))
            case .cachix(let name):
                let (facts, cache) = await cachixProbe.run(name, logins)
                evidence.cachix.append(facts)
                if let uri = cache?.uri, let target = CacheTarget(entry: uri, role) {
                    targets.append(target)
                }
            }
        }
        return targets
    }

    private var cachixProbe: CachixProbe {
        CachixProbe(host: cachixHost, environment: environment, limit: Self.limit)
    }

    /// Caches at Cachix that are used with a token.
    private func cachixHosts(
        of targets: [CacheTarget],
        _ logins: KnownLogins,
        _ evidence: inout Evidence
    ) async {
        for target in targets where target.url.host.hasSuffix(".cachix.org") && target.login != nil
        {
            let label = target.url.host.dropLast(".cachix.org".count)
            guard let name = try? CachixName(parsing: label),
                !evidence.cachix.contains(where: { $0.name == "\(name)" })
            else { continue }
            evidence.cachix.append(await cachixProbe.run(name, logins).facts)
        }
    }
}
