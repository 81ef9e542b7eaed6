// SPDX-License-Identifier: Apache-2.0

extension RemoteFailure {
    /// What ssh meant by its 255; `nil` where it was the programme that ended so.
    ///
    /// - Source: the messages of OpenSSH's `sshconnect.c`, `sshconnect2.c`, `clientloop.c`, `mux.c`.
    init?(sshSaid errors: [UInt8], hadOutput: Bool) {
        let lines = String(decoding: errors, as: UTF8.self).split { $0 == "\n" || $0 == "\r" }
            .map { $0.trimmingPrefix { $0 == " " } }
        let text = lines.joined(separator: "\n")
        let last = Self.telling(lines)
        if Self.hostKeyWords.contains(where: text.contains) {
            self = .hostKey(last)
        } else if Self.refusalWords.contains(where: text.contains) {
            self = .notLetIn(last)
        } else if !hadOutput, Self.unreachableWords.contains(where: text.contains) {
            self = .unreachable(last)
        } else {
            self = .brokenOff(last)
        }
    }

    /// What ssh said to whoever ran it; `nil` where it said nothing of a connection that was not made.
    init?(notConnected errors: [UInt8]) {
        guard let failure = RemoteFailure(sshSaid: errors, hadOutput: false) else { return nil }
        if case .brokenOff = failure { return nil }
        self = failure
    }

    /// The line that says most; ssh ends with one that says little.
    private static func telling(_ lines: [Substring]) -> String {
        let words = hostKeyWords + refusalWords + unreachableWords
        let line = lines.last { line in words.contains { line.contains($0) } } ?? lines.last
        return line.map(String.init) ?? "the connection ended"
    }

    private static let hostKeyWords = [
        "Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "host key is known for", "no matching host key type",
    ]
    private static let refusalWords = [
        "Permission denied (", "Too many authentication failures", "No supported authentication",
        "Your account has expired",
    ]
    private static let unreachableWords = [
        "ssh: connect to host", "Could not resolve hostname", "Connection timed out",
        "Connection refused", "No route to host", "Network is unreachable",
        "kex_exchange_identification", "banner exchange", "Connection closed by",
        "Connection reset by", "stdio forwarding failed", "ssh_dispatch_run_fatal",
    ]
}

extension RemoteFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let said): "not reachable: \(said)"
        case .hostKey(let said):
            "its host key is not the one that is known: \(said); compare it, then put the right one"
                + " into known_hosts"
        case .notLetIn(let said):
            "it does not let us in: \(said); check the user and the keys that ssh offers"
        case .brokenOff(let said): "the connection broke: \(said)"
        case .timedOut(let time): "no answer within \(time.components.seconds) s"
        case .notRoot(let said): said
        }
    }
}
