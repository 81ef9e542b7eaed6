// SPDX-License-Identifier: Apache-2.0

/// One thing that was looked at, and how it is.
package struct Finding: Hashable, Sendable {
    package enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
        case pass
        /// It works, and will not always.
        case warn
        case fail
        /// It could not be looked at, or is not there to be looked at.
        case skip
    }

    package let check: Check
    /// What of several it is about: a URL, a file; `nil` for the machine.
    package let subject: String?
    package let verdict: Verdict
    /// What was seen, on one line.
    package let evidence: String
    /// What mends it: a command or a line to write; `nil` where there is nothing to mend.
    package let remedy: String?
    /// What may be done without asking further.
    package let fix: Fix?

    package init(
        _ check: Check,
        of subject: String? = nil,
        _ verdict: Verdict,
        _ evidence: String,
        remedy: String? = nil,
        fix: Fix? = nil
    ) {
        self.check = check
        self.subject = subject
        self.verdict = verdict
        self.evidence = evidence
        self.remedy = remedy
        self.fix = fix
    }
}

/// The kinds of findings, in the order in which they are shown.
package enum Check: String, Codable, CaseIterable, Hashable, Sendable {
    case configuration
    case daemon
    case firewall
    case database
    case disk
    case clock
    case secrets
    case nix
    case dns
    case address
    case substituters
    case keys
    case signature
    case remembered = "remembered-misses"
    case stall
    case priority
    case tiers
    case cachix
    case quota
    case versions
}

/// A change that undoes no one's work.
package enum Fix: Hashable, Sendable {
    /// Lets nobody but its owner read a file of secrets.
    case closeFile(path: String)
    /// Takes misses out of Nix's memory that are none any more.
    case forgetMisses([RememberedMiss])
}

/// A path that Nix believes a cache not to have.
package struct RememberedMiss: Hashable, Sendable {
    /// The file that Nix remembers it in.
    package let file: String
    /// The cache as that file calls it.
    package let cache: String
    /// The 32 characters in front of the path's name.
    package let hashPart: String
    /// Since when, in seconds since 1970.
    package let since: Int64

    package init(file: String, cache: String, hashPart: String, since: Int64) {
        self.file = file
        self.cache = cache
        self.hashPart = hashPart
        self.since = since
    }
}
