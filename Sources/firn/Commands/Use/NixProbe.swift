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

    /// Each of the two commands is given `limit`.
    static func run(limit: Duration = .seconds(20)) async -> NixProbe {
        let versionText = await ProgrammeOutput.read(["nix", "--version"], limit: limit)
            .map { String(decoding: $0, as: UTF8.self) }
        let version = versionText.flatMap { NixVersion(parsing: $0) }
        // `show-config` has become `config show`, and is to go.
        let isNew = version.map { $0 >= NixVersion(major: 2, minor: 20) } ?? false
        let show = isNew ? ["config", "show"] : ["show-config"]
        let words = ["nix", "--extra-experimental-features", "nix-command"] + show + ["--json"]
        let json = version == nil ? nil : await ProgrammeOutput.read(words, limit: limit)
        return NixProbe(
            version: version,
            settings: json.map(parse) ?? [:],
            command: (["nix"] + show).joined(separator: " "),
            versionText: versionText.map {
                String($0.prefix { $0 != "\n" })
            }
        )
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
