// SPDX-License-Identifier: Apache-2.0

/// All hosts of a configuration, and the caches that they may pull from.
package struct FleetRoster: Sendable {
    package var hosts: [Host]
    package var settings: FleetSettings
    /// In the order in which they are asked.
    package var tiers: [PullTier]

    package init(hosts: [Host], settings: FleetSettings, tiers: [PullTier]) {
        self.hosts = hosts
        self.settings = settings
        self.tiers = tiers
    }

    package func host(_ name: HostName) -> Host? { hosts.first { $0.name == name } }

    /// The Firn that runs on a host; `nil` where no tier is.
    package func cache(of host: Host) -> PullTier? {
        let name = host.cache ?? "\(host.name)"
        return tiers.first { $0.name == name }
    }

    /// Who builds for a host, unless an option says otherwise.
    package func via(_ host: Host, asked: DeployVia?) -> DeployVia {
        asked ?? host.via ?? settings.via ?? (host.builder == nil ? .target : .builder)
    }
}

/// Which hosts a command is about.
package struct HostSelection: Sendable {
    /// Why the words choose nothing.
    package enum Failure: Error, Hashable, Sendable {
        case noHosts
        /// Also the tags there are, which are written with an `@`.
        case unknownHost(String, known: [String], tags: [String])
        /// It could not be the name of any.
        case badName(String, HostName.ParseError)
        case unknownTag(String, known: [String])
        case emptyPattern(String)
    }

    /// Names, patterns with `*` and `?`, and `@TAG`.
    package var words: [String]
    package var isAll: Bool

    package init(words: [String], isAll: Bool) {
        self.words = words
        self.isAll = isAll
    }

    /// The hosts, each once, in the order of the configuration.
    package func choose(from roster: FleetRoster) throws(Failure) -> [Host] {
        guard !roster.hosts.isEmpty else { throw .noHosts }
        if isAll { return roster.hosts }
        var chosen: Set<HostName> = []
        for word in words { chosen.formUnion(try choose(word, from: roster)) }
        return roster.hosts.filter { chosen.contains($0.name) }
    }

    private func choose(
        _ word: String,
        from roster: FleetRoster
    ) throws(Failure) -> [HostName] {
        if word.hasPrefix("@") {
            let found = roster.hosts.filter { host in
                host.tags.contains { "@\($0)" == word }
            }
            guard found.isEmpty else { return found.map(\.name) }
            let tags = Set(roster.hosts.flatMap(\.tags)).sorted()
            throw .unknownTag(word, known: tags.map { "@\($0)" })
        }
        if word.contains("*") || word.contains("?") {
            let found = roster.hosts.map(\.name).filter { Self.matches("\($0)", word) }
            guard found.isEmpty else { return found }
            throw .emptyPattern(word)
        }
        guard let host = roster.hosts.first(where: { "\($0.name)" == word }) else {
            do throws(HostName.ParseError) {
                _ = try HostName(parsing: word)
            } catch {
                throw .badName(word, error)
            }
            let tags = Set(roster.hosts.flatMap(\.tags).map { "\($0)" })
            let known = roster.hosts.map { "\($0.name)" }
            throw .unknownHost(word, known: known, tags: tags.sorted())
        }
        return [host.name]
    }

    /// As a shell matches names of files, without its brackets.
    package static func matches(_ text: String, _ pattern: String) -> Bool {
        let (text, pattern) = (Array(text), Array(pattern))
        var (place, rest) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while place < text.count {
            if rest < pattern.count, pattern[rest] == "?" || pattern[rest] == text[place] {
                (place, rest) = (place + 1, rest + 1)
            } else if rest < pattern.count, pattern[rest] == "*" {
                star = (rest, place)
                rest += 1
            } else if let last = star {
                // The star takes one character more, and the rest is tried again.
                star = (last.pattern, last.text + 1)
                (place, rest) = (last.text + 1, last.pattern + 1)
            } else {
                return false
            }
        }
        return pattern[rest...].allSatisfy { $0 == "*" }
    }
}
