// SPDX-License-Identifier: Apache-2.0
import CacheClient
import Caches
import ClientSetup
import FirnAPI
import NixFormat
import NixStore
import Push

/// Finds out of a cache what a client has to know, and whether it answers at all.
struct CacheDiscovery {
    struct Configuration {
        /// Whom to ask for a cache by its name; `nil` is this machine's daemon.
        var server: TierURL?
        /// Whom to ask for a cache at Cachix.
        var cachixHost: TierURL?
        /// As they were given; none asks the cache for them.
        var publicKeys: [PublicKey] = []
        var tokenFile: String?
        /// Of this Nix.
        var storeDirectory: StoreDirectory
        /// Where this machine's daemon is.
        var daemon: DaemonOptions
        var environment: [String: String]
    }

    let configuration: Configuration

    func find(_ reference: UseReference) async throws -> FoundCache {
        switch reference {
        case .url(let url): return try await find(at: url)
        case .cachix(let name): return try await find(atCachix: name)
        case .named(let name):
            if let server = configuration.server, let url = server.appending("\(name)") {
                var cache = try await find(at: url)
                cache.alias = "\(name)"
                return cache
            }
            return try await findHere("\(name)")
        }
    }

    // MARK: By its URL

    private func find(at url: TierURL) async throws -> FoundCache {
        let token = try token("FIRN_TOKEN")
        let (info, login) = try await open(url, token.text, name: "firn")
        var cache = FoundCache(
            url: url,
            publicKeys: configuration.publicKeys,
            keySource: .given,
            login: login,
            info: info,
            warnings: token.warnings
        )
        if configuration.publicKeys.isEmpty {
            cache.publicKeys = try await keys(of: url, token.text)
            let isSafe = url.isEncrypted || url.isLoopback
            cache.keySource = isSafe ? .told(by: url.authority) : .overheard(from: url.authority)
        }
        return try await checked(cache)
    }

    /// Asks whoever may be a Firn: the last folder is a cache's name, or the server stands there.
    private func keys(of url: TierURL, _ token: String?) async throws -> [PublicKey] {
        var places: [(url: TierURL, name: String?)] = [(url, nil)]
        if let (parent, name) = url.parent, (try? CacheName(parsing: name)) != nil {
            places.insert((parent, name), at: 0)
        }
        for place in places {
            let address = FirnAddress.web(url: "\(place.url)", certificate: .trustedHere)
            do {
                let report = try await FirnConnection(to: address, token: token)
                    .identity(of: place.name).body
                return try Self.keys(report.publicKeys, of: "\(url)")
            } catch let error as FirnConnectionError {
                switch error.cause {
                case .notFirn, .unanswered, .unreadable, .refused, .failed: continue
                case .notRunning, .untrusted, .timedOut, .brokenOff: throw error
                }
            }
        }
        throw UseError.keyUnknown(url: "\(url)")
    }

    private static func keys(_ texts: [String], of source: String) throws(UseError) -> [PublicKey] {
        guard !texts.isEmpty else { throw .keyUnknown(url: source) }
        return try texts.map { text throws(UseError) in
            guard let key = try? PublicKey(parsing: text), SetupMark.isWord(text) else {
                throw .badKey(source: source, text: text)
            }
            return key
        }
    }

    // MARK: At this machine's daemon

    private func findHere(_ name: String) async throws -> FoundCache {
        let control = try configuration.daemon.controlAddress()
        let report = try await FirnConnection(to: control).identity(of: name).body
        guard case .web(let text, _) = try configuration.daemon.address(),
            let url = try TierURL(parsing: text).appending(name)
        else {
            throw UseError.notAdmitted(
                url: "\(control)",
                reason: "this machine's daemon listens on no port that Nix could ask"
            )
        }
        let token = try token("FIRN_TOKEN")
        let (info, login) = try await open(url, token.text, name: "firn")
        let cache = FoundCache(
            url: url,
            alias: name,
            publicKeys: configuration.publicKeys.isEmpty
                ? try Self.keys(report.publicKeys, of: name) : configuration.publicKeys,
            keySource: configuration.publicKeys.isEmpty ? .told(by: "\(control)") : .given,
            login: login,
            info: info,
            warnings: token.warnings
        )
        return try await checked(cache)
    }

    /// This machine's daemon itself, with the keys of all that it passes on.
    func findAgent(_ reference: UseReference?) async throws -> FoundCache {
        let url: TierURL
        switch reference {
        case .url(let named): url = named
        case nil:
            guard case .web(let text, _) = try configuration.daemon.address() else {
                throw UseError.notAdmitted(
                    url: "\(try configuration.daemon.address())",
                    reason: "this machine's daemon listens on no port that Nix could ask"
                )
            }
            url = try TierURL(parsing: text)
        case .cachix, .named:
            throw UseError.notLoopback(url: reference?.alias ?? "")
        }
        guard url.isLoopback else { throw UseError.notLoopback(url: "\(url)") }
        let address = FirnAddress.web(url: "\(url)", certificate: .trustedHere)
        let report = try await FirnConnection(to: address).identity(of: nil).body
        guard let tiers = report.tiers else { throw UseError.noTiers(url: "\(url)") }
        let texts = report.publicKeys + tiers.flatMap(\.publicKeys)
        var keys = configuration.publicKeys
        for key in try Self.keys(texts, of: "\(url)") where !keys.contains(key) { keys.append(key) }
        let (info, _) = try await open(url, nil, name: nil)
        let cache = FoundCache(
            url: url,
            publicKeys: keys,
            keySource: .told(by: url.authority),
            info: info
        )
        return try await checked(cache)
    }

    // MARK: At Cachix

    private func find(atCachix name: CachixName) async throws -> FoundCache {
        let token = try token("CACHIX_AUTH_TOKEN")
        var target = CachixTarget.Configuration(name: name, token: token.text ?? "")
        target.userAgent = "firn \(Firn.version)"
        if let host = configuration.cachixHost { target.host = "\(host)" }
        let session = WebSession(connections: 1, certificate: .trustedHere)
        let answer: CachixCache
        do {
            answer = try await CachixTarget(
                target,
                storeDirectory: configuration.storeDirectory,
                session: session
            ).describe()
            await session.shutDown()
        } catch {
            await session.shutDown()
            throw error
        }
        guard let url = try? TierURL(parsing: answer.uri),
            url.isEncrypted || !target.host.hasPrefix("https://")
        else {
            throw UseError.notAdmitted(
                url: target.host,
                reason: "gave \"\(Printable.line(answer.uri))\" as the cache's URL, which is none"
            )
        }
        let (info, login) = try await open(url, answer.isPublic ? nil : token.text, name: nil)
        let cache = FoundCache(
            url: url,
            alias: "cachix:\(name)",
            publicKeys: configuration.publicKeys.isEmpty
                ? try Self.keys(answer.publicKeys, of: "\(url)") : configuration.publicKeys,
            keySource: !configuration.publicKeys.isEmpty
                ? .given
                : target.host.hasPrefix("https://") || url.isLoopback
                    ? .told(by: target.host) : .overheard(from: target.host),
            login: login,
            info: info,
            warnings: token.warnings
        )
        return try await checked(cache)
    }

    // MARK: Of all

    private func token(_ variable: String) throws(UseError) -> UseToken {
        try UseToken(
            file: configuration.tokenFile,
            variable: variable,
            environment: configuration.environment
        )
    }

    /// Opens the cache as Nix does; with the token only where nobody gets in without.
    private func open(
        _ url: TierURL,
        _ token: String?,
        name: String?
    ) async throws -> (CacheInfo, NetrcChange.Login?) {
        do throws(CacheReader.Failure) {
            return (
                try await CacheReader(url: "\(url)", login: nil, certificate: .trustedHere)
                    .cacheInfo(), nil
            )
        } catch .unreachable(let url, let reason) {
            throw CacheReader.Failure.unreachable(url: url, reason: reason)
        } catch {
            guard let token else {
                throw UseError.notAdmitted(
                    url: "\(url)",
                    reason:
                        "there is no cache, or not for everybody: if it is private, put the token"
                        + " into a file and name it with --token-file, or set FIRN_TOKEN"
                        + " (CACHIX_AUTH_TOKEN for Cachix)"
                )
            }
            let login = NetrcChange.Login(host: url.host, name: name, password: token)
            let reader = CacheReader(
                url: "\(url)",
                login: login.asCacheLogin,
                certificate: .trustedHere
            )
            do throws(CacheReader.Failure) {
                return (try await reader.cacheInfo(), login)
            } catch .refused, .noCache {
                throw UseError.notAdmitted(
                    url: "\(url)",
                    reason: "there is no cache, or not for this token"
                )
            }
        }
    }

    private func checked(_ found: FoundCache) async throws -> FoundCache {
        var found = found
        if let theirs = found.info.storeDirectory, theirs != configuration.storeDirectory {
            throw UseError.otherStore(
                url: "\(found.url)",
                theirs: "\(theirs.path)",
                ours: "\(configuration.storeDirectory.path)"
            )
        }
        if found.login != nil, !found.url.isEncrypted, !found.url.isLoopback {
            found.warnings.append(
                "the token goes to \(found.url.authority) unencrypted, with every request"
            )
        }
        return found
    }
}

extension NetrcChange.Login {
    /// Who a reader is, as Nix tells it.
    var asCacheLogin: CacheLogin { CacheLogin(name: name ?? "", password: password) }
}
