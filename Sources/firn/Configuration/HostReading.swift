// SPDX-License-Identifier: Apache-2.0
import Fleet

/// Turns the tables of a file into hosts, and refuses those that cannot be.
struct HostReading {
    private(set) var hosts: [DeclaredHost] = []

    mutating func read(
        _ table: ConfigurationFile.NamedTable,
        folder: String
    ) throws(ConfigurationError) {
        let name: HostName
        do throws(HostName.ParseError) {
            name = try HostName(parsing: table.name)
        } catch {
            throw .badValue(
                of: "hosts",
                at: table.origin,
                expected: "[hosts.NAME]",
                problem: .malformed(table.name, reason: "\(error)")
            )
        }
        var host = DeclaredHost(name: name)
        host.origins[""] = table.origin
        // By line, so that the first mistake is the one that is told.
        for entry in table.entries.sorted(by: { $0.origin.line < $1.origin.line }) {
            guard let field = HostField.all.first(where: { $0.key == entry.setting }) else {
                continue
            }
            do throws(SettingProblem) {
                try field.apply(entry.input, folder, &host)
            } catch {
                throw Self.badValue(field.key, of: name, field.expected, entry.origin, error)
            }
            host.origins[field.key] = entry.origin
        }
        hosts.append(host)
    }

    /// Refuses builders that are no hosts, caches that are no tiers, and strategies without a builder.
    func requireSense(in configuration: FirnConfiguration) throws(ConfigurationError) {
        let names = hosts.map(\.name)
        for host in hosts {
            if let builder = host.builder, !names.contains(builder) {
                throw Self.unknown("builder", builder, of: host, "[hosts.NAME]", names)
            }
            if let cache = host.cache, !configuration.tiers.contains(where: { $0.name == cache }) {
                throw Self.badValue(
                    "cache",
                    of: host.name,
                    "the name of a tier",
                    host.origins["cache"] ?? .file(path: "firn.toml", line: nil),
                    .malformed(cache, reason: "is the name of no [[tier]]")
                )
            }
            if host.via == .builder, host.builder == nil, let origin = host.origins["via"] {
                throw .missingKey(
                    "hosts.\(host.name).builder",
                    at: origin,
                    advice: "via = \"builder\" needs one"
                )
            }
        }
        if let canary = configuration.deploy.canary, !names.contains(canary) {
            let near = NearestName.find("\(canary)", among: names.map { "\($0)" })
            throw .badValue(
                of: "deploy.canary",
                at: configuration.origins["deploy.canary"] ?? .file(path: "firn.toml", line: nil),
                expected: "the name of a host",
                problem: .malformed("\(canary)", reason: Self.noHost(near))
            )
        }
    }

    private static func unknown(
        _ key: String,
        _ name: HostName,
        of host: DeclaredHost,
        _ expected: String,
        _ names: [HostName]
    ) -> ConfigurationError {
        let near = NearestName.find("\(name)", among: names.map { "\($0)" })
        return badValue(
            key,
            of: host.name,
            "the name of a host",
            host.origins[key] ?? .file(path: "firn.toml", line: nil),
            .malformed("\(name)", reason: noHost(near))
        )
    }

    private static func noHost(_ near: String?) -> String {
        "is the name of no [hosts.NAME]" + (near.map { "; did you mean \"\($0)\"?" } ?? "")
    }

    private static func badValue(
        _ key: String,
        of host: HostName,
        _ expected: String,
        _ origin: SettingOrigin,
        _ problem: SettingProblem
    ) -> ConfigurationError {
        .badValue(of: "hosts.\(host).\(key)", at: origin, expected: expected, problem: problem)
    }
}
