// SPDX-License-Identifier: Apache-2.0

/// Lays flags over variables over the file over the defaults.
///
/// All that the outcome depends on is handed in, so that a test can be any machine.
package struct ConfigurationLoader: Sendable {
    /// The configuration in force, and what its owner should know about it.
    package struct Outcome: Sendable {
        package let configuration: FirnConfiguration
        /// The file that was read; `nil` when there is none.
        package let file: String?
        package let warnings: [String]
    }

    /// Values by setting, as the flags of `firn serve` gave them.
    package var flags: [String: [String]] = [:]
    /// The argument of `--config`.
    package var namedFile: String?
    package var environment: [String: String]
    package var currentDirectory: String
    package var isRoot: Bool
    package var processID: Int32
    /// What this machine is called, by which a tier may turn out to be this very server.
    package var hostName: String?
    /// Addresses that lead to this machine, its own from outside among them.
    package var ownAddresses: Set<IPAddress> = []
    /// Where a socket that was handed over listens; `nil` when that cannot be told.
    package var socketAddress: @Sendable (Int32) -> ServeAddress? = { _ in nil }
    package var systemFile = "/etc/firn/firn.toml"
    package var fileExists: @Sendable (String) -> Bool

    package init(
        environment: [String: String],
        currentDirectory: String,
        isRoot: Bool,
        processID: Int32,
        fileExists: @escaping @Sendable (String) -> Bool
    ) {
        self.environment = environment
        self.currentDirectory = currentDirectory
        self.isRoot = isRoot
        self.processID = processID
        self.fileExists = fileExists
    }

    package func load() throws(ConfigurationError) -> Outcome {
        var configuration = FirnConfiguration(state: defaultState)
        let file = try findFile()
        var tiers = TierReading()
        var caches = CacheReading()
        var identities = IdentityReading()
        var hosts = HostReading()
        if let file {
            let page = try ConfigurationFile.read(file)
            try apply(page, to: &configuration, &tiers)
            for table in page.caches { try caches.read(table) }
            configuration.caches = caches.caches
            for table in page.identities { try identities.read(table) }
            configuration.identities = identities.identities
            for table in page.hosts { try hosts.read(table, folder: page.folder) }
            configuration.hosts = hosts.hosts
        }
        try applyVariables(to: &configuration)
        try applyFlags(to: &configuration)
        if let sockets = try SocketActivation.addresses(environment, processID: processID) {
            configuration.server.listen = sockets
        }
        try checkTLS(configuration)
        try caches.requireSense(in: configuration)
        try identities.requireSense(in: configuration)
        try hosts.requireSense(in: configuration)
        let own = OwnAddresses(
            listening: configuration.server.listen.map { address in
                guard case .inherited(let descriptor) = address else { return address }
                return socketAddress(descriptor) ?? address
            },
            hostName: hostName,
            addresses: ownAddresses
        )
        try tiers.requireOthers(than: own)
        return Outcome(
            configuration: configuration,
            file: file,
            warnings: unknownVariables() + warnings(about: configuration)
        )
    }

    /// `--config`, else `$FIRN_CONFIG`, else `./firn.toml`, else `/etc/firn/firn.toml`.
    private func findFile() throws(ConfigurationError) -> String? {
        if let namedFile {
            return try requireFile(namedFile, namedBy: .flag("--config"))
        }
        if let named = environment["FIRN_CONFIG"], !named.isEmpty {
            return try requireFile(named, namedBy: .variable("FIRN_CONFIG"))
        }
        return ["\(currentDirectory)/firn.toml", systemFile].first(where: fileExists)
    }

    private func requireFile(
        _ path: String,
        namedBy origin: SettingOrigin
    ) throws(ConfigurationError) -> String {
        let absolute = path.hasPrefix("/") ? path : "\(currentDirectory)/\(path)"
        guard fileExists(absolute) else { throw .fileMissing(path: absolute, namedBy: origin) }
        return absolute
    }

    private func apply(
        _ file: ConfigurationFile,
        to configuration: inout FirnConfiguration,
        _ tiers: inout TierReading
    ) throws(ConfigurationError) {
        let folder = file.folder
        // By line, so that the first mistake of the page is the one that is told.
        var rest = file.tiers[...]
        for entry in file.entries.sorted(by: { $0.origin.line < $1.origin.line }) {
            while let tier = rest.first, tier.origin.line < entry.origin.line {
                try tiers.read(tier, folder: folder)
                rest.removeFirst()
            }
            guard let setting = Setting.all.first(where: { $0.key == entry.setting }) else {
                continue
            }
            try set(setting, entry.input, entry.origin, folder, &configuration)
        }
        for tier in rest { try tiers.read(tier, folder: folder) }
        configuration.tiers = tiers.settings
    }

    private func applyVariables(
        to configuration: inout FirnConfiguration
    ) throws(ConfigurationError) {
        for setting in Setting.all {
            let names = [setting.variable] + setting.foreignVariables
            guard let name = names.first(where: { environment[$0]?.isEmpty == false }),
                let text = environment[name]
            else { continue }
            try set(
                setting,
                setting.input(text),
                .variable(name),
                currentDirectory,
                &configuration
            )
        }
    }

    private func applyFlags(to configuration: inout FirnConfiguration) throws(ConfigurationError) {
        for setting in Setting.all {
            guard let flag = setting.flag, let texts = flags[setting.key], !texts.isEmpty else {
                continue
            }
            let input: SettingInput =
                switch setting.input("") {
                case .list: .list(texts.map { .text($0) })
                case .text, .integer, .flag, .table, .other: setting.input(texts.last ?? "")
                }
            try set(setting, input, .flag(flag), currentDirectory, &configuration)
        }
    }

    private func set(
        _ setting: Setting,
        _ input: SettingInput,
        _ origin: SettingOrigin,
        _ folder: String,
        _ configuration: inout FirnConfiguration
    ) throws(ConfigurationError) {
        do {
            try setting.apply(input, folder, &configuration)
            configuration.origins[setting.key] = origin
        } catch {
            throw .badValue(
                of: setting.key,
                at: origin,
                expected: setting.expected,
                problem: error
            )
        }
    }

    private func checkTLS(_ configuration: FirnConfiguration) throws(ConfigurationError) {
        switch (configuration.server.tls.certificate, configuration.server.tls.key) {
        case (nil, .some): throw .incompleteTLS(missing: "server.tls.certificate")
        case (.some, nil): throw .incompleteTLS(missing: "server.tls.key")
        case (nil, nil), (.some, .some): return
        }
    }
}

extension ConfigurationLoader {
    /// The XDG base directory specification has `~/.local/state` where the variable is not set.
    private var defaultState: String {
        if isRoot { return "/var/lib/firn" }
        if let folder = environment["XDG_STATE_HOME"], folder.hasPrefix("/") {
            return "\(folder)/firn"
        }
        return "\(environment["HOME"] ?? currentDirectory)/.local/state/firn"
    }

    /// Variables of ours that are no settings.
    private static let otherVariables: Set<String> = [
        "FIRN_ALLOW_WARNINGS", "FIRN_CONFIG", "FIRN_NIX_CLIENTS", "FIRN_TOKEN",
    ]

    /// A misspelt variable would otherwise do nothing and say nothing.
    ///
    /// It is no error, since an environment is shared with programs that we do not know.
    private func unknownVariables() -> [String] {
        let known = Self.otherVariables.union(Setting.all.map(\.variable))
        return environment.keys.sorted().compactMap { name in
            guard name.hasPrefix("FIRN_"), !known.contains(name) else { return nil }
            let hint = NearestName.find(name, among: known.sorted())
            return "$\(name) is not a setting and is ignored"
                + (hint.map { "; did you mean $\($0)?" } ?? "")
        }
    }

    private func warnings(about configuration: FirnConfiguration) -> [String] {
        var warnings: [String] = []
        if configuration.server.idleTimeout <= TimeSpan(seconds: 90) {
            warnings.append(
                "server.idle-timeout is \(configuration.server.idleTimeout), but Nix reuses "
                    + "connections for up to 90 seconds; set it above 90s"
            )
        }
        for tier in configuration.tiers where tier.trust == .none {
            let keys = tier.publicKeys.isEmpty ? "" : ", and its public-keys are not used"
            warnings.append(
                "tier \"\(tier.name)\" has trust = \"none\": what it says is taken and passed on "
                    + "without a signature\(keys)"
            )
        }
        return warnings + configuration.identities.compactMap(\.warning)
    }
}

extension SettingOrigin {
    /// Places without a line come last.
    var line: Int {
        guard case .file(_, let line) = self else { return .max }
        return line ?? .max
    }
}
