// SPDX-License-Identifier: Apache-2.0

/// The machine under it all: its disks, its clock, its files.
enum MachineRules {
    /// Nix cannot even begin a small build.
    private static let leastFreeBytes: UInt64 = 256_000_000
    private static let fewFreeBytes: UInt64 = 5_000_000_000
    /// Nix and TLS look at times, and people compare logs.
    private static let mostSecondsOff = 60

    static func findings(_ evidence: Evidence) -> [Finding] {
        [database(evidence.database)] + evidence.disks.map(disk) + depot(evidence.daemon)
            + [clock(evidence.caches)] + secrets(evidence.secrets)
    }

    private static func database(_ facts: DatabaseFacts?) -> Finding {
        guard let facts else { return Finding(.database, .skip, "no Nix store on this machine") }
        guard let trouble = facts.trouble else {
            return Finding(.database, of: facts.path, .pass, "readable")
        }
        var evidence = trouble
        if facts.hasLog, !facts.isFolderWritable {
            evidence +=
                "; there is a write-ahead log beside it, which only who may write there can read"
        }
        return Finding(
            .database,
            of: facts.path,
            .fail,
            evidence,
            remedy: facts.hasLog
                ? "sudo sqlite3 \(facts.path) 'PRAGMA wal_checkpoint(TRUNCATE)'"
                : "sudo sqlite3 \(facts.path) 'PRAGMA integrity_check'"
        )
    }

    private static func disk(_ disk: DiskFacts) -> Finding {
        let room = "\(Quantity.bytes(disk.freeBytes)) free of \(Quantity.bytes(disk.sizeBytes))"
        let remedy = remedy(for: disk.purpose)
        if disk.inodes > 0, disk.freeInodes < max(1_000, disk.inodes / 1_000) {
            return Finding(
                .disk,
                of: disk.path,
                .fail,
                "\(Quantity.count(disk.freeInodes)) files can still be made (inodes)",
                remedy: remedy
            )
        }
        if disk.freeBytes < min(leastFreeBytes, disk.sizeBytes / 20) {
            return Finding(.disk, of: disk.path, .fail, "full: \(room)", remedy: remedy)
        }
        if disk.freeBytes < min(fewFreeBytes, disk.sizeBytes / 20) {
            return Finding(.disk, of: disk.path, .warn, "nearly full: \(room)", remedy: remedy)
        }
        return Finding(.disk, of: disk.path, .pass, room)
    }

    private static func remedy(for purpose: DiskFacts.Purpose) -> String {
        switch purpose {
        case .store: "sudo nix-collect-garbage --delete-older-than 30d"
        case .state, .depot: "firn gc --dry-run, and a smaller depot.max-size"
        }
    }

    private static func depot(_ daemon: DaemonFacts?) -> [Finding] {
        guard case .runs(let status) = daemon?.answer, let trouble = status.depotTrouble else {
            return []
        }
        return [Finding(.disk, of: "depot", .fail, trouble, remedy: "df --human-readable")]
    }

    /// A clock cannot be compared with this machine's own daemon.
    private static func clock(_ caches: [CacheFacts]) -> Finding {
        let offsets = caches.filter { $0.role != .own && !$0.isOnThisMachine }
            .compactMap { cache in cache.clockOffsetSeconds.map { (cache.url, $0) } }
        guard !offsets.isEmpty else {
            return Finding(.clock, .skip, "no cache elsewhere told the time")
        }
        let wrong = offsets.filter { abs($0.1) > mostSecondsOff }
        guard let first = wrong.first else {
            return Finding(.clock, .pass, "that of \(offsets[0].0), to the minute")
        }
        let words = "\(span(first.1)) \(first.1 > 0 ? "behind" : "ahead of") \(first.0)"
        guard wrong.count == offsets.count else {
            return Finding(
                .clock,
                .warn,
                "this clock is \(words), and not of others: that cache's is wrong"
            )
        }
        return Finding(
            .clock,
            .fail,
            "this clock is \(words)",
            remedy: "sudo timedatectl set-ntp true"
        )
    }

    private static func span(_ seconds: Int) -> String {
        Quantity.time(.seconds(abs(seconds)))
    }

    private static func secrets(_ files: [SecretFileFacts]) -> [Finding] {
        guard !files.isEmpty else {
            return [Finding(.secrets, .skip, "no key, token or netrc file is named")]
        }
        return files.map { file in
            switch file.state {
            case .closed: Finding(.secrets, of: file.path, .pass, "\(file.kind), closed to others")
            case .worldReadable:
                Finding(
                    .secrets,
                    of: file.path,
                    .fail,
                    "every user can read this \(file.kind)",
                    remedy: "chmod 600 \(file.path)",
                    fix: .closeFile(path: file.path)
                )
            case .unusable(let reason):
                Finding(
                    .secrets,
                    of: file.path,
                    .fail,
                    reason,
                    remedy: "ls -l \(file.path)"
                )
            }
        }
    }
}
