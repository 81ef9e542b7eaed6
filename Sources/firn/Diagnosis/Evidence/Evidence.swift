// SPDX-License-Identifier: Apache-2.0
/// All that was seen of a machine and of the caches it uses, before anybody judges it.
///
/// What is `nil` or empty was not there, or was not to be seen.
package struct Evidence: Sendable {
    /// Of the Firn that looks.
    package var version: String
    package var configuration = ConfigurationFacts.nothing
    package var daemon: DaemonFacts?
    package var firewall: FirewallFacts?
    package var database: DatabaseFacts?
    package var disks: [DiskFacts] = []
    package var secrets: [SecretFileFacts] = []
    package var nix = NixFacts()
    package var caches: [CacheFacts] = []
    package var misses: [MissFacts] = []
    package var cachix: [CachixFacts] = []
    /// `nil` where nobody told.
    package var quotas: [QuotaFacts]?
    /// Hosts with a network card that can be woken, by the tier that is their Firn.
    package var wakeable: [String: String] = [:]

    package init(version: String) { self.version = version }

    /// What follows from it, in the order of ``Check``.
    package var findings: [Finding] {
        let all =
            DaemonRule.findings(self) + MachineRules.findings(self) + NixRule.findings(self)
            + AddressRule.findings(self) + TrustRule.findings(self) + ListRule.findings(self)
            + AccountRules.findings(self) + VersionRule.findings(self)
        let places = Dictionary(
            uniqueKeysWithValues: Check.allCases.enumerated().map { ($1, $0) }
        )
        return all.enumerated()
            .sorted {
                (places[$0.element.check] ?? 0, $0.offset) < (
                    places[$1.element.check] ?? 0, $1.offset
                )
            }
            .map(\.element)
    }
}

/// The configuration of the daemon.
package enum ConfigurationFacts: Hashable, Sendable {
    /// There is no file, and none is needed.
    case nothing
    case valid(file: String, warnings: [String])
    /// `reason` names file and line.
    case invalid(reason: String)
}

/// Whether what the daemon needs of the store can be had, as this user.
package struct DatabaseFacts: Hashable, Sendable {
    package var path: String
    /// `nil` where it answers.
    package var trouble: String?
    /// Whether there is something in the log that only its owner can read in.
    package var hasLog: Bool
    /// Whether this user may write beside it, as a reader has to where the log's files are missing.
    package var isFolderWritable: Bool

    package init(path: String, trouble: String?, hasLog: Bool, isFolderWritable: Bool) {
        self.path = path
        self.trouble = trouble
        self.hasLog = hasLog
        self.isFolderWritable = isFolderWritable
    }
}

/// What is left where something has to be written.
package struct DiskFacts: Hashable, Sendable {
    package enum Purpose: Hashable, Sendable { case store, state, depot }

    package var purpose: Purpose
    package var path: String
    package var freeBytes: UInt64
    package var sizeBytes: UInt64
    package var freeInodes: UInt64
    /// 0 where the file system counts none.
    package var inodes: UInt64

    package init(
        _ purpose: Purpose,
        path: String,
        freeBytes: UInt64,
        sizeBytes: UInt64,
        freeInodes: UInt64,
        inodes: UInt64
    ) {
        self.purpose = purpose
        self.path = path
        self.freeBytes = freeBytes
        self.sizeBytes = sizeBytes
        self.freeInodes = freeInodes
        self.inodes = inodes
    }
}

/// A file that only its owner should read.
package struct SecretFileFacts: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        case closed
        case worldReadable
        /// It is no key, or cannot be read; `reason` is a whole sentence.
        case unusable(reason: String)
    }

    package var path: String
    /// `signing key`, `netrc`.
    package var kind: String
    package var state: State

    package init(path: String, kind: String, state: State) {
        self.path = path
        self.kind = kind
        self.state = state
    }
}

/// What Nix remembers of a cache's misses, and what the cache says now.
package struct MissFacts: Hashable, Sendable {
    package var cache: String
    /// Those that the cache was asked for again.
    package var asked: Int
    /// Those of them that it has now.
    package var stale: [RememberedMiss]

    package init(cache: String, asked: Int, stale: [RememberedMiss]) {
        self.cache = cache
        self.asked = asked
        self.stale = stale
    }
}

/// What Cachix says to a token.
package struct CachixFacts: Hashable, Sendable {
    package enum Answer: Hashable, Sendable {
        case known
        case refused(reason: String)
        case unreachable(reason: String)
    }

    package var name: String
    /// Where the token is, for people; `nil` where there is none.
    package var tokenSource: String?
    package var answer: Answer

    package init(name: String, tokenSource: String?, answer: Answer) {
        self.name = name
        self.tokenSource = tokenSource
        self.answer = answer
    }
}

/// How much of what it may take a cache takes.
package struct QuotaFacts: Hashable, Sendable {
    package var name: String
    package var sizeBytes: UInt64
    package var quotaBytes: UInt64?

    package init(name: String, sizeBytes: UInt64, quotaBytes: UInt64?) {
        self.name = name
        self.sizeBytes = sizeBytes
        self.quotaBytes = quotaBytes
    }
}
