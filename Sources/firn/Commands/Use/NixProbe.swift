// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Foundation

/// What the installed Nix says of itself, in the environment of this command.
struct NixProbe: Sendable {
    /// `nil` where there is none in `PATH`, or it does not tell.
    let version: NixVersion?
    /// By name, a list as its words; empty where it does not tell.
    let settings: [String: [String]]

    /// The command that shows the settings, for people.
    let command: String

    /// As `nix --version` prints it; `nil` as for ``version``.
    let versionText: String?

    /// Why it does not start, or does not tell, continuing "Nix: "; `nil` where it does, or there is none.
    let trouble: String?

    /// Asks all of it at once, within `limit`.
    static func run(limit: Duration = .seconds(20)) async -> NixProbe {
        async let opening = ProgrammeOutput.run(["nix", "--version"], limit: limit)
        async let older = show(["show-config"], limit)
        async let newer = show(["config", "show"], limit)
        let answer = await opening
        let versionText: String? =
            if case .output(let data) = answer { String(decoding: data, as: UTF8.self) } else {
                nil
            }
        let version = versionText.flatMap { NixVersion(parsing: $0) }
        // `show-config` has become `config show`, and is to go.
        let isNew = version.map { $0 >= NixVersion(major: 2, minor: 20) } ?? false
        let show = isNew ? ["config", "show"] : ["show-config"]
        let settings = isNew ? await newer : await older
        let json: Data? =
            if version != nil, case .output(let data) = settings { data } else { nil }
        return NixProbe(
            version: version,
            settings: json.map(parse) ?? [:],
            command: (["nix"] + show).joined(separator: " "),
            versionText: versionText.map {
                String($0.prefix { $0 != "\n" })
            },
            trouble: trouble(answer, limit) ?? trouble(settings, limit)
        )
    }

    private static func show(_ words: [String], _ limit: Duration) async -> ProgrammeOutput.Outcome
    {
        await ProgrammeOutput.run(
            ["nix", "--extra-experimental-features", "nix-command"] + words + ["--json"],
            limit: limit
        )
    }

    private static func trouble(_ outcome: ProgrammeOutput.Outcome, _ limit: Duration) -> String? {
        switch outcome {
        case .output, .absent: nil
        case .failed(let reason): reason
        case .late: "no answer within \(Quantity.time(limit))"
        }
    }

    private struct Setting: Decodable {
        var value: Value

        enum Value: Decodable {
            case words([String])
            case other

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let list = try? container.decode([String].self) {
                    self = .words(list)
                } else if let text = try? container.decode(String.self) {
                    self = .words([text])
                } else if let flag = try? container.decode(Bool.self) {
                    self = .words(["\(flag)"])
                } else if let number = try? container.decode(Int64.self) {
                    self = .words(["\(number)"])
                } else {
                    self = .other
                }
            }
        }
    }

    private static func parse(_ json: Data) -> [String: [String]] {
        guard let all = try? JSONDecoder().decode([String: Setting].self, from: json) else {
            return [:]
        }
        return all.mapValues { if case .words(let words) = $0.value { words } else { [] } }
    }

    /// What of a goal is not so in the running configuration, as sentences; none where all is.
    func missing(of goal: ClientGoal) -> [String] {
        var lines: [String] = []
        let caches = settings["substituters"] ?? []
        if goal.isSole, caches != [goal.url] {
            lines.append(
                "substituters is \(caches.joined(separator: " ")), and not \(goal.url) alone"
            )
        } else if !caches.contains(where: { ClientSettings.isSame($0, goal.url) }) {
            lines.append("substituters lacks \(goal.url)")
        }
        let keys = settings["trusted-public-keys"] ?? []
        for key in goal.publicKeys where !keys.contains(key) {
            lines.append("trusted-public-keys lacks \(key)")
        }
        if let netrc = goal.netrcFile, settings["netrc-file"] != [netrc] {
            lines.append("netrc-file is not \(netrc)")
        }
        for setting in goal.settings where settings[setting.name] != [setting.value] {
            lines.append("\(setting.name) is not \(setting.value)")
        }
        return lines
    }
}
