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
        async let samples = samples(configuration)
        async let database = machine.database()
        async let disks = machine.disks()
        async let firewall = machine.firewall()
        async let state = daemon?.run(environment)
        async let quotas = daemon?.quotas()
        evidence.nix = await nix
        evidence.secrets = machine.secrets()
        await askCaches(configuration, daemon, await samples, &evidence)
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
        async let trouble = Bounded.run(limit) { configurationTrouble(environment) }
        async let age = Bounded.run(limit) { NixDaemonAge.fileChangedSinceStart(environment) }
        let probe = await NixProbe.run(limit: limit)
        var facts = NixFacts()
        facts.versionText = probe.versionText
        facts.version = probe.version
        facts.settings = probe.settings
        facts.trouble = probe.trouble
        facts.configurationTrouble = await trouble ?? nil
        facts.command = probe.command
        if DaemonTrust.hasDaemon(environment) { facts.daemonIsOlderThan = await age ?? nil }
        return facts
    }

    /// What is wrong with the files of Nix's configuration themselves.
    private static func configurationTrouble(_ environment: [String: String]) -> String? {
        let places =
            (try? ClientPlaces(.user, environment: environment))
            ?? (try? ClientPlaces(.system, environment: environment))
        do {
            _ = try ConfReader.settings(of: places?.files ?? [], UsePlanning.content)
            return nil
        } catch {
            return "\(error)"
        }
    }

    // MARK: Caches

    private func askCaches(
        _ configuration: FirnConfiguration,
        _ daemon: DaemonProbe?,
        _ samples: [StorePath],
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
        let hosts = cachixHosts(of: targets, evidence.cachix)
        async let others = askCachix(hosts, logins)
        evidence.caches = await ask(targets, samples)
        evidence.cachix += await others.map(\.facts)
        let answering = evidence.caches.filter { $0.reach == .answers }.map(\.url)
        evidence.misses = await MissProbe(evidence.nix, environment, Self.limit)
            .run(targets.filter { answering.contains("\($0.url)") })
    }

    /// Paths of this machine that caches may have as well.
    private func samples(_ configuration: FirnConfiguration) async -> [StorePath] {
        let finder =
            configuration.store.root == "/"
            ? SamplePaths(storeDirectory: .standard, environment: environment)
            : SamplePaths(storeDirectory: .standard, root: configuration.store.root)
        return await Bounded.run(.seconds(1)) { finder.find(atMost: Self.mostSamples) } ?? []
    }

    private func ask(_ targets: [CacheTarget], _ samples: [StorePath]) async -> [CacheFacts] {
        await withTaskGroup(of: (Int, CacheFacts).self) { group in
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
        let role = CacheFacts.Role.wanted(reason: "it was named")
        let names = references.compactMap { if case .cachix(let name) = $0 { name } else { nil } }
        let known = await askCachix(names, logins)
        evidence.cachix += known.map(\.facts)
        var targets = known.compactMap { answer in
            answer.cache.flatMap { CacheTarget(entry: $0.uri, role) }
        }
        for reference in references {
            switch reference {
            case .url(let url): targets.append(CacheTarget(url, role))
            case .named(let name):
                guard case .web(let text, _) = try? daemon.address(),
                    let url = try? TierURL(parsing: text).appending("\(name)")
                else { continue }
                targets.append(CacheTarget(url, role))
            case .cachix: continue
            }
        }
        return targets
    }

    /// All at once, the answers in the order of the names.
    private func askCachix(
        _ names: [CachixName],
        _ logins: KnownLogins
    ) async -> [(facts: CachixFacts, cache: CachixCache?)] {
        let probe = CachixProbe(host: cachixHost, environment: environment, limit: Self.limit)
        return await withTaskGroup(of: (Int, (facts: CachixFacts, cache: CachixCache?)).self) {
            group in
            for (place, name) in names.enumerated() {
                group.addTask { (place, await probe.run(name, logins)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Caches at Cachix that are used with a token, and have not been asked yet.
    private func cachixHosts(of targets: [CacheTarget], _ asked: [CachixFacts]) -> [CachixName] {
        let used = targets.filter { $0.url.host.hasSuffix(".cachix.org") && $0.login != nil }
        let names = used.compactMap {
            try? CachixName(parsing: $0.url.host.dropLast(".cachix.org".count))
        }
        return names.enumerated()
            .filter { place, name in
                !asked.contains { $0.name == "\(name)" } && !names[..<place].contains(name)
            }
            .map(\.element)
    }
}
