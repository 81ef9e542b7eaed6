// SPDX-License-Identifier: Apache-2.0
import Fleet

/// Why a command of the fleet does not begin.
enum FleetError: Error, CustomStringConvertible {
    /// No words choose a host; the file that was read, if any.
    case selection(HostSelection.Failure, file: String?)
    case canaryNotAmong(HostName)
    case emergencyNotAgreed(HostName)
    case emergencyForOne
    case nothingQueued
    case nothingLeft
    case noPassword
    case noMAC(HostName)

    var description: String {
        switch self {
        case .selection(let failure, let file): Self.describe(failure, file)
        case .canaryNotAmong(let name): "the canary \(name) is not among the hosts that were chosen"
        case .emergencyNotAgreed(let name):
            "nothing was done: what was typed is not \"\(name)\", the host's name"
        case .emergencyForOne: "--emergency is for one host at a time; name it"
        case .nothingQueued: "nothing is queued for these hosts"
        case .nothingLeft: "the last run left no host behind; there is nothing to try again"
        case .noPassword: "no password was given; without a terminal it is the first line of input"
        case .noMAC(let name): "\(name) has no mac to be woken by; add it to [hosts.\(name)]"
        }
    }

    private static func describe(_ failure: HostSelection.Failure, _ file: String?) -> String {
        let place = file ?? "firn.toml, which is not there"
        return switch failure {
        case .noHosts: "there are no hosts in \(place); write a [hosts.NAME] for each"
        case .unknownHost(let word, let known, let tags):
            "there is no host \"\(word)\"" + hint(word, known, tags)
        case .badName(let word, let error): "no host can be meant: \"\(word)\" \(error)"
        case .unknownTag(let word, let known):
            "no host has the tag \"\(word)\"" + hint(word, known, "tags")
        case .emptyPattern(let word): "no host's name is like \"\(word)\""
        }
    }

    /// A tag's name without its `@` is no host either; one that is nearer than any host was meant.
    private static func hint(_ word: String, _ hosts: [String], _ tags: [String]) -> String {
        let host = NearestName.find(word, among: hosts)
        let tag = NearestName.find(word, among: tags)
        func edits(_ name: String) -> Int { NearestName.edits(from: Array(word), to: Array(name)) }
        if let tag, host.map({ edits(tag) < edits($0) }) ?? true {
            return "; did you mean the tag \"@\(tag)\"?"
        }
        return hint(word, hosts, "hosts")
    }

    private static func hint(_ word: String, _ known: [String], _ what: String) -> String {
        if let near = NearestName.find(word, among: known) { return "; did you mean \"\(near)\"?" }
        guard !known.isEmpty else { return "; there are no \(what)" }
        return "; the \(what) are \(known.prefix(12).joined(separator: ", "))"
            + (known.count > 12 ? ", …" : "")
    }
}
