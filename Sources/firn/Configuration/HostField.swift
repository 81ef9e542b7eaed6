// SPDX-License-Identifier: Apache-2.0
import Fleet

/// One key of a `[hosts.NAME]`: what it takes and which field of the host it is.
///
/// As ``TierField``.
package struct HostField: Sendable {
    /// The key in the table: `mac`, or `health.units` for one of its table `health`.
    package let key: String
    /// Continues the sentence "takes …".
    package let expected: String
    /// The same, for who offers a form for it.
    package let shape: ValueShape
    /// What holds without the key, as the reference page shows it.
    package let defaultText: String
    package let summary: String

    let apply: @Sendable (SettingInput, String, inout DeclaredHost) throws(SettingProblem) -> Void
    /// The value in force, as it would stand in `firn.toml`; empty where it would not.
    package let show: @Sendable (DeclaredHost) -> String

    init<Value: Sendable>(
        _ key: String,
        _ field: any WritableKeyPath<DeclaredHost, Value> & Sendable,
        _ reader: SettingReader<Value>,
        default defaultText: String = "none",
        summary: String
    ) {
        self.key = key
        self.defaultText = defaultText
        self.summary = summary
        expected = reader.expected
        shape = reader.shape
        apply = { input, folder, host throws(SettingProblem) in
            host[keyPath: field] = try reader.read(input, folder)
        }
        show = { reader.write($0[keyPath: field]) }
    }
}

extension HostField {
    /// Every key of a host, in the order of `docs/reference/configuration.md`.
    package static let all = place + build + health

    private static let place = [
        HostField(
            "addresses",
            \.addresses,
            .hostAddresses,
            default: "the host's name",
            summary: "How ssh reaches it: names, addresses or aliases of `ssh_config`, each with a "
                + "port where it is another than usual. The first that answers is used."
        ),
        HostField(
            "user",
            \.user,
            .userName,
            default: "what `ssh_config` says",
            summary: "Whom ssh logs in as. Who is not root becomes it by `sudo`."
        ),
        HostField(
            "mac",
            \.mac,
            .macAddress,
            summary: "The address of its network card, by which it is woken."
        ),
        HostField(
            "tags",
            \.tags,
            .hostTags,
            default: "`[]`",
            summary: "Names for several hosts, for `--on @TAG`."
        ),
    ]

    private static let build = [
        HostField(
            "configuration",
            \.source,
            .systemSource,
            default: "`nixosConfigurations.NAME.config.system.build.toplevel` of `deploy.flake`",
            summary: "What it is to run: `\"FLAKE#ATTRIBUTE\"`, `{ file = \"…\", attribute = "
                + "\"…\" }`, or a path in the store with `bin/switch-to-configuration`."
        ),
        HostField(
            "system",
            \.system,
            .systemType,
            default: "what the host says of itself",
            summary:
                "The kind of machine, such as `x86_64-linux`; another configuration is refused."
        ),
        HostField(
            "builder",
            \.builder,
            .hostName,
            summary: "The host that builds for it: another `[hosts.NAME]`."
        ),
        HostField(
            "cache",
            \.cache,
            .optional(SettingReader<String>.tierName),
            default: "the tier with the host's name",
            summary: "The `[[tier]]` that is this host's Firn, for those that it builds for."
        ),
        HostField(
            "agent",
            \.agent,
            .webAddress,
            default: "what Nix on the host is told to ask on the host itself",
            summary: "The Firn on the host, as the host reaches it; it is asked first."
        ),
        HostField(
            "via",
            \.via,
            .optional(SettingReader<DeployVia>.choice),
            default: "`deploy.via`",
            summary: "Who builds for it."
        ),
    ]

    private static let health = [
        HostField(
            "health.units",
            \.healthUnits,
            .texts("an array of units such as \"sshd.service\""),
            default: "`[]`",
            summary: "Units of systemd that have to be active after a switch."
        ),
        HostField(
            "health.tcp",
            \.healthTCP,
            .endpoints,
            default: "`[]`",
            summary: "What has to accept connections, seen from the host."
        ),
        HostField(
            "health.http",
            \.healthHTTP,
            .webAddresses,
            default: "`[]`",
            summary: "What has to answer with a status from 200 to 399, seen from the host."
        ),
        HostField(
            "health.commands",
            \.healthCommands,
            .texts("an array of lines of sh"),
            default: "`[]`",
            summary: "What has to end with 0 on the host, as root, within 30 seconds each."
        ),
        HostField(
            "health.settle",
            \.healthSettle,
            .time(in: TimeSpan(seconds: 0)...TimeSpan(seconds: 3_600)),
            default: "`\"5s\"`",
            summary: "For how long all of it has to hold."
        ),
        HostField(
            "health.deadline",
            \.healthDeadline,
            .time(in: TimeSpan(seconds: 1)...TimeSpan(seconds: 86_400)),
            default: "`\"1m\"`",
            summary: "After how long without all of it holding the switch is undone."
        ),
    ]
}
