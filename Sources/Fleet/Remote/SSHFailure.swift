// SPDX-License-Identifier: Apache-2.0

extension RemoteFailure {
    /// What ssh meant by its 255; `nil` where it was the programme that ended so.
    ///
    /// - Source: the messages of OpenSSH's `sshconnect.c`, `sshconnect2.c`, `clientloop.c`, `mux.c`.
    ///
    /// `address` is what was asked for, as `known_hosts` has it.
    init?(sshSaid errors: [UInt8], hadOutput: Bool, address: String) {
        // ssh ends its lines with both characters, which are one to Swift.
        let lines = String(decoding: errors, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmingPrefix { $0 == " " } }
        let text = lines.joined(separator: "\n")
        let last = Self.telling(lines)
        if Self.hostKeyWords.contains(where: text.contains) {
            let kind = Self.hostKeyKind(lines, text)
            self = .hostKey(HostKeyProblem(kind: kind, address: address, said: text))
        } else if Self.refusalWords.contains(where: text.contains) {
            self = .notLetIn(last)
        } else if !hadOutput, Self.unreachableWords.contains(where: text.contains) {
            self = .unreachable(last)
        } else {
            // The last line may well be the programme's.
            let line = lines.last { line in Self.breakWords.contains { line.contains($0) } }
            self = .brokenOff(line.map(String.init) ?? "ssh does not say why")
        }
    }

    private static func hostKeyKind(_ lines: [Substring], _ text: String) -> HostKeyProblem.Kind {
        if text.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            let place = lines.lazy.compactMap { line in
                line.firstMatch(of: /^Offending .*key in (.+:\d+)$/)
            }.first
            return .changed(at: place.map { String($0.1) })
        }
        if text.contains("REVOKED HOST KEY") || text.contains("no matching host key type") {
            return .other(telling(lines))
        }
        return .unknown
    }

    /// What ssh said to whoever ran it; `nil` where it said nothing of a connection that was not made.
    init?(notConnected errors: [UInt8], address: String) {
        let failure = RemoteFailure(sshSaid: errors, hadOutput: false, address: address)
        guard let failure else { return nil }
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
        "host key is known for", "no matching host key type", "REVOKED HOST KEY",
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
    private static let breakWords =
        unreachableWords + [
            "closed by remote host", "send disconnect", "not responding", "Broken pipe",
            "mux_client", "Write failed",
        ]
}

extension RemoteFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let said): "not reachable: \(said)"
        case .hostKey(let problem): problem.description
        case .notLetIn(let said):
            "it does not let us in: \(said); check the user and the keys that ssh offers"
        case .brokenOff(let said): "the connection broke: \(said)"
        case .timedOut(let time): "no answer within \(time.components.seconds) s"
        case .notRoot(let said): said
        case .noSSH(let reason): "\(reason); install OpenSSH's ssh on this machine"
        }
    }

    /// What ssh said of a key, which is too much for a line; `nil` of anything else.
    var longText: String? {
        if case .hostKey(let problem) = self { return problem.said }
        return nil
    }
}

extension HostKeyProblem: CustomStringConvertible {
    package var description: String {
        switch kind {
        case .unknown:
            "its host key is not known here; compare and take it by \"ssh \(login)\", or put what"
                + " \"ssh-keyscan \(login)\" prints into known_hosts"
        case .changed(let place):
            "its host key has changed\(place.map { " (\($0) has another one)" } ?? ""); if the host"
                + " was made anew: ssh-keygen -R '\(address)', then ssh \(login)"
        case .other(let said): "its host key is not taken: \(said)"
        }
    }

    /// The name, and the port where it is not the usual one.
    private var parts: (name: Substring, port: Substring?) {
        guard address.hasPrefix("["), let end = address.lastIndex(of: "]") else {
            return (address[...], nil)
        }
        let name = address[address.index(after: address.startIndex)..<end]
        let port = address[end...].dropFirst(2)
        return (name, port.isEmpty ? nil : port)
    }

    private var login: String { parts.port.map { "-p \($0) \(parts.name)" } ?? "\(parts.name)" }
}

extension HostAddress {
    /// As `known_hosts` has it.
    var keyName: String {
        guard let port, port != 22 else { return name }
        return "[\(name)]:\(port)"
    }
}
