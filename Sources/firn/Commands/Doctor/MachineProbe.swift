// SPDX-License-Identifier: Apache-2.0
import CacheClient
import FirnAPI
import Foundation
import Glibc
import Logging
import NixFormat
import NixStore

/// Looks at this machine: its store, disks, files, packet filter and daemon.
struct MachineProbe: Sendable {
    let configuration: FirnConfiguration
    let environment: [String: String]
    /// Of each look.
    let limit: Duration

    private var root: String {
        configuration.store.root == "/"
            ? environment["NIX_REMOTE"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/"
            : configuration.store.root
    }

    // MARK: The store

    /// - Returns: `nil` where there is no store.
    func database() async -> DatabaseFacts? {
        let state = root == "/" ? "/nix/var/nix" : "\(root)/nix/var/nix"
        let path = "\(state)/db/db.sqlite"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var trouble: String?
        do {
            let store = try NixLocalStore.open(
                NixStoreConfiguration(root: root),
                workers: WorkerThreads(name: "doctor", threads: 1, maximumQueued: 4),
                logger: Logger(label: "firn") { _ in SwiftLogNoOpLogHandler() }
            )
            _ = try await store.newestID(deadline: limit)
        } catch {
            trouble = "\(error)"
        }
        let log = try? FileManager.default.attributesOfItem(atPath: "\(path)-wal")[.size] as? UInt64
        return DatabaseFacts(
            path: path,
            trouble: trouble,
            hasLog: (log ?? 0) > 0,
            isFolderWritable: unsafe access("\(state)/db", W_OK) == 0
        )
    }

    // MARK: Disks

    /// A network file system that is gone is not waited for.
    func disks() async -> [DiskFacts] {
        let store = root == "/" ? "/nix/store" : "\(root)/nix/store"
        var places: [(DiskFacts.Purpose, String)] = [(.store, store)]
        places.append((.state, configuration.server.state))
        if let depot = configuration.depotDirectory { places.append((.depot, depot)) }
        let all = places
        let facts = await Bounded.run(limit) { all.compactMap { Self.disk($0.0, $0.1) } } ?? []
        // Places on one disk are one disk.
        var seen: Set<[UInt64]> = []
        return facts.filter { seen.insert([$0.sizeBytes, $0.inodes, $0.freeInodes]).inserted }
    }

    private static func disk(_ purpose: DiskFacts.Purpose, _ path: String) -> DiskFacts? {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
        let unit = UInt64(status.f_frsize)
        return DiskFacts(
            purpose,
            path: path,
            freeBytes: UInt64(status.f_bavail) * unit,
            sizeBytes: UInt64(status.f_blocks) * unit,
            freeInodes: UInt64(status.f_favail),
            inodes: UInt64(status.f_files)
        )
    }

    // MARK: Secrets

    /// The files that the configuration names, and the key that Firn made itself.
    func secrets() -> [SecretFileFacts] {
        var files: [SecretFileFacts] = []
        let keys = configuration.signing.keys
        let own = "\(configuration.server.state)/secret-key"
        let hasOwn = unsafe keys.isEmpty && access(own, F_OK) == 0
        for path in keys + (hasOwn ? [own] : []) {
            files.append(SecretFileFacts(path: path, kind: "signing key", state: Self.key(path)))
        }
        for tier in configuration.tiers {
            if let file = tier.tokenFile { files.append(Self.closed(file.path, "token")) }
            if let file = tier.netrc { files.append(Self.closed(file.path, "netrc file")) }
        }
        if let tls = configuration.tls { files.append(Self.closed(tls.key, "TLS key")) }
        return files
    }

    static func closed(_ path: String, _ kind: String) -> SecretFileFacts {
        let state: SecretFileFacts.State =
            FileFacts(of: path) == nil && errno == ENOENT
            ? .unusable(reason: "there is no such file")
            : SecretKeyFile.isWorldReadable(path) ? .worldReadable : .closed
        return SecretFileFacts(path: path, kind: kind, state: state)
    }

    private static func key(_ path: String) -> SecretFileFacts.State {
        do throws(KeyFileError) {
            _ = try SecretKeyFile.read(path)
        } catch .unreadable(_, let reason) {
            // Another user's key is none of this one's business, and closed as it should be.
            guard unsafe geteuid() == 0 || access(path, F_OK) != 0 else { return .closed }
            return .unusable(reason: "cannot be read: \(reason)")
        } catch {
            return .unusable(reason: "\(error)")
        }
        return SecretKeyFile.isWorldReadable(path) ? .worldReadable : .closed
    }

    // MARK: The packet filter

    /// - Returns: `nil` where the daemon is for this machine only.
    func firewall() async -> FirewallFacts? {
        let ports = configuration.server.listen.compactMap { address -> UInt16? in
            guard case .tcp(let host, let port) = address, port != 0, host != "localhost" else {
                return nil
            }
            return IPAddress(parsing: host)?.isLoopback == true ? nil : port
        }
        guard !ports.isEmpty else { return nil }
        guard geteuid() == 0 else {
            return FirewallFacts(
                ports: ports,
                reading: .unread(reason: "only root can read the packet filter: sudo firn doctor")
            )
        }
        let words = ["nft", "--json", "list", "ruleset"]
        let reading: FirewallFacts.Reading
        switch await ProgrammeOutput.run(words, limit: limit) {
        case .output(let data):
            let ruleset = try? Ruleset(parsingJSON: data)
            reading =
                ruleset.map { .read($0) } ?? .unread(reason: "what nft prints is not understood")
        case .absent: reading = .unread(reason: "there is no nft in PATH")
        case .failed(let reason): reading = .unread(reason: "nft does not tell: \(reason)")
        case .late:
            reading = .unread(reason: "nft says nothing within \(Quantity.time(limit))")
        }
        return FirewallFacts(ports: ports, reading: reading)
    }
}
