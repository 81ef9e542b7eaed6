// SPDX-License-Identifier: Apache-2.0
import Fleet

extension Setting {
    /// What holds for every deploy.
    static let deploy = [
        Setting(
            "deploy.flake",
            \.deploy.flake,
            .flakeReference,
            default: "\".\"",
            variable: "FIRN_DEPLOY_FLAKE",
            summary: "The flake of hosts that name no configuration."
        ),
        Setting(
            "deploy.via",
            \.deploy.via,
            .optional(SettingReader<DeployVia>.choice),
            default: "`builder` for a host that has one, else `target`",
            variable: "FIRN_DEPLOY_VIA",
            summary: "Who builds: the host's `builder`, the host itself (`target`), or the machine "
                + "that deploys (`here`)."
        ),
        Setting(
            "deploy.parallel",
            \.deploy.parallel,
            .integer(in: 1...256),
            default: "4",
            variable: "FIRN_DEPLOY_PARALLEL",
            summary: "How many hosts are copied to and switched at the same time."
        ),
        Setting(
            "deploy.offline",
            \.deploy.offline,
            .choice,
            default: "\"fail\"",
            variable: "FIRN_DEPLOY_OFFLINE",
            summary:
                "What becomes of a host that cannot be reached: `skip` it, `queue` what it was "
                + "to get for later, or `fail`."
        ),
        Setting(
            "deploy.canary",
            \.deploy.canary,
            .hostName,
            default: "none",
            variable: "FIRN_DEPLOY_CANARY",
            summary: "The host that goes first; the others wait until it runs what it was to."
        ),
        Setting(
            "deploy.confirm-timeout",
            \.deploy.confirmTimeout,
            .time(in: TimeSpan(seconds: 5)...TimeSpan(seconds: 3_600)),
            default: "\"1m\"",
            variable: "FIRN_DEPLOY_CONFIRM_TIMEOUT",
            summary: "How long a host waits after a switch to be reached again; then it goes back."
        ),
        Setting(
            "deploy.activation-timeout",
            \.deploy.activationTimeout,
            .time(in: TimeSpan(seconds: 10)...TimeSpan(seconds: 86_400)),
            default: "\"10m\"",
            variable: "FIRN_DEPLOY_ACTIVATION_TIMEOUT",
            summary: "How long `switch-to-configuration` may take; then the host goes back."
        ),
        Setting(
            "deploy.wake-timeout",
            \.deploy.wakeTimeout,
            .time(in: TimeSpan(seconds: 1)...TimeSpan(seconds: 3_600)),
            default: "\"3m\"",
            variable: "FIRN_DEPLOY_WAKE_TIMEOUT",
            summary: "How long a host with a `mac` has to answer after it was woken."
        ),
        Setting(
            "deploy.allow-target-build",
            \.deploy.allowsTargetBuild,
            .flag,
            default: "false",
            variable: "FIRN_DEPLOY_ALLOW_TARGET_BUILD",
            summary: "Whether a host builds for itself where its builder cannot be reached."
        ),
        Setting(
            "deploy.evaluation-memory",
            \.deploy.evaluationMemory,
            .size(in: ByteSize(bytes: 100_000_000)...ByteSize(bytes: 1 << 50)),
            default: "\"4GB\"",
            variable: "FIRN_DEPLOY_EVALUATION_MEMORY",
            summary: "What evaluations may take together; one may always run."
        ),
    ]
}
