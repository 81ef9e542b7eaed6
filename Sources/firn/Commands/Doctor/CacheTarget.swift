// SPDX-License-Identifier: Apache-2.0
import CacheClient
import ClientSetup
import Foundation

/// A cache to be asked, and why.
struct CacheTarget {
    let url: TierURL
    let role: CacheFacts.Role
    let listedPriority: Int?
    var login: CacheLogin?

    init(_ url: TierURL, _ role: CacheFacts.Role, listedPriority: Int? = nil) {
        self.url = url
        self.role = role
        self.listedPriority = listedPriority
    }

    /// Reads an entry of `substituters`, with its parameters; `nil` for what is not asked over HTTP.
    init?(entry: String, _ role: CacheFacts.Role) {
        let parts = entry.split(separator: "?", maxSplits: 1)
        guard let text = parts.first, let url = try? TierURL(parsing: String(text)) else {
            return nil
        }
        let parameters = parts.count == 2 ? parts[1].split(separator: "&") : []
        let priority = parameters.first { $0.hasPrefix("priority=") }
            .flatMap { Int($0.dropFirst(9)) }
        self.init(url, role, listedPriority: priority)
    }

    /// Each cache once: what Nix shall ask before what it asks, and that before what the daemon does.
    static func merged(_ targets: [CacheTarget]) -> [CacheTarget] {
        var merged: [CacheTarget] = []
        for target in targets where !merged.contains(where: { $0.url == target.url }) {
            // The parameter stands in the list, whoever named the cache first.
            let priority = targets.lazy.filter { $0.url == target.url }
                .compactMap(\.listedPriority).first
            merged.append(CacheTarget(target.url, target.role, listedPriority: priority))
        }
        return merged
    }
}

/// Finds the caches that `firn use` has set up for this user and this machine.
struct SetUpCaches {
    let environment: [String: String]

    func targets() -> [CacheTarget] {
        let user = (try? ClientPlaces(.user, environment: environment))?.files ?? []
        let system = (try? ClientPlaces(.system, environment: environment))?.files ?? []
        let files = system + user.filter { !system.contains($0) }
        return files.flatMap { file -> [CacheTarget] in
            guard case .bytes(let bytes) = UsePlanning.content(file),
                let text = try? MarkedText(parsing: bytes)
            else { return [] }
            return text.blocks.compactMap {
                CacheTarget(
                    entry: $0.mark.label,
                    .wanted(reason: "firn use has put it into \(file)")
                )
            }
        }
    }
}

/// Who this machine is to caches that are not for everybody.
struct KnownLogins {
    /// `nil` where there is none, or it cannot be read.
    let path: String?
    private let netrc: NetrcText?

    init(_ nix: NixFacts) {
        path = nix.settings["netrc-file"]?.first
        netrc = path.flatMap { try? SetupFile.open($0).bytes }
            .map { NetrcText(parsing: $0) }
    }

    /// Whether there is anything in it that nobody else should see.
    var hasSecrets: Bool { netrc?.entries.contains { !$0.password.isEmpty } == true }

    func login(for host: String) -> CacheLogin? {
        guard let entry = netrc?.entry(for: host), !entry.password.isEmpty else { return nil }
        return CacheLogin(name: entry.login, password: entry.password)
    }
}
