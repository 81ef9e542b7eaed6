// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A host's shell over the ssh of this machine, with its configuration, keys, agent and known hosts.
///
/// All requests share one connection, which ssh makes at the first and keeps for a minute after the
/// last. The addresses are tried in order until one answers; that one is used from then on, until it
/// answers no more.
package final class SSHShell: RemoteShell {
    package struct Options: Sendable {
        /// A folder of ours alone, short enough for sockets in it; `nil` makes a connection for each
        /// request.
        package var controlFolder: String?
        /// Further options for every call of ssh, as Nix takes them from `NIX_SSHOPTS`.
        package var words: [String] = []
        package var connectTimeout = Duration.seconds(8)

        package init(controlFolder: String?) {
            self.controlFolder = controlFolder
        }
    }

    private struct State {
        var address: HostAddress?
        var carriedBytes: UInt64 = 0
    }

    package let hostName: String
    private let host: Host
    private let options: Options
    private let password: RootPassword
    private let state = Mutex(State())

    package init(_ host: Host, _ options: Options, password: RootPassword) {
        hostName = "\(host.name)"
        self.host = host
        self.options = options
        self.password = password
    }

    /// What requests and answers had in them, without what ssh adds.
    package var carriedBytes: UInt64 { state.withLock { $0.carriedBytes } }

    package func run(_ request: RemoteRequest) async throws -> RemoteAnswer {
        guard request.asRoot else { return try await connect(request) }
        let answer = try await connect(asRoot(request, password: nil))
        switch RootScript.refusal(answer) {
        case nil: return answer
        case .noSudo?:
            throw RemoteFailure.notRoot("there is no sudo on it, and the user is not root")
        case .asksForPassword?, .wrongPassword?: break
        }
        guard let word = try await password.get() else {
            throw RemoteFailure.notRoot(
                "sudo asks for a password; give --ask-sudo-password, or let the user be root"
            )
        }
        let second = try await connect(asRoot(request, password: word))
        guard RootScript.refusal(second) == nil else {
            throw RemoteFailure.notRoot("sudo refuses the password")
        }
        return second
    }

    private func asRoot(_ request: RemoteRequest, password: String?) -> RemoteRequest {
        var root = request
        root.words = RootScript.words(request.words)
        root.input = RootScript.input(password: password, request.input)
        // What the script says of itself is not for whoever follows the programme.
        if let onLine = request.onLine {
            root.onLine = { line in
                if !line.text.hasPrefix("firn-root: ") { onLine(line) }
            }
        }
        return root
    }

    private func connect(_ request: RemoteRequest) async throws -> RemoteAnswer {
        let known = state.withLock { $0.address }
        var failure = RemoteFailure.unreachable("it has no address")
        for address in host.addresses(first: known) {
            do {
                let answer = try await ask(address, request)
                state.withLock { $0.address = address }
                return answer
            } catch RemoteFailure.unreachable(let said) {
                failure = .unreachable(said)
                state.withLock { if $0.address == address { $0.address = nil } }
            }
            try Task.checkCancellation()
        }
        throw failure
    }

    private func ask(
        _ address: HostAddress,
        _ request: RemoteRequest
    ) async throws -> RemoteAnswer {
        let words = arguments(address, isNew: request.onNewConnection)
        var command = LocalCommand(
            ["ssh"] + words + ["--", address.name, ShellWords.join(request.words)],
            deadline: request.deadline
        )
        command.input = request.input
        command.environment = Self.withoutLocale
        command.onLine = request.onLine
        let answer: RemoteAnswer
        do {
            answer = try await command.run()
        } catch LocalCommand.Failure.timedOut(_, let time) {
            throw RemoteFailure.timedOut(after: time)
        } catch let failure as LocalCommand.Failure {
            throw RemoteFailure.noSSH("\(failure)")
        }
        if answer.exitCode == 255,
            let failure = RemoteFailure(
                sshSaid: answer.errors,
                hadOutput: !answer.output.isEmpty,
                address: address.keyName
            )
        {
            // Where nobody answered, ssh has kept what it was given.
            if case .brokenOff = failure { count(request, answer) }
            throw failure
        }
        count(request, answer)
        return answer
    }

    private func count(_ request: RemoteRequest, _ answer: RemoteAnswer) {
        let carried = request.input.count + answer.output.count + answer.errors.count
        state.withLock { $0.carriedBytes += UInt64(carried) }
    }

    /// Distributions have ssh hand the locale on; a host's answers are to be read by us.
    private static let withoutLocale: [String: String?] = {
        let names = ProcessInfo.processInfo.environment.keys.filter {
            $0 == "LANG" || $0 == "LANGUAGE" || $0.hasPrefix("LC_")
        }
        return Dictionary(names.map { ($0, nil) }) { first, _ in first }
    }()

    /// What ssh is told before the address.
    private func arguments(_ address: HostAddress, isNew: Bool) -> [String] {
        var words = options.words + ["-T", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
        words += ["-o", "ConnectTimeout=\(options.connectTimeout.components.seconds)"]
        words += ["-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=2"]
        // Known hosts are for their owner to change.
        words += ["-o", "UpdateHostKeys=no"]
        // What goes to and fro is text; NARs go from cache to host.
        words += ["-o", "Compression=yes"]
        words += isNew ? ["-o", "ControlPath=none"] : sharing
        if let port = address.port { words += ["-p", "\(port)"] }
        if let user = host.user { words += ["-l", user] }
        return words
    }

    private var sharing: [String] {
        guard let folder = options.controlFolder else { return ["-o", "ControlPath=none"] }
        return [
            "-o", "ControlMaster=auto", "-o", "ControlPath=\(folder)/%C", "-o", "ControlPersist=60",
        ]
    }

    /// How Nix's own commands reach the host by the same connection.
    ///
    /// - Parameter isShared: By the connection that there is; else by one of its own, which does not
    ///   compress.
    /// - Returns: `nil` before a request has found which address answers.
    package func forNix(isShared: Bool) -> (destination: String, options: String)? {
        let known = state.withLock { $0.address }
        // Where there is one address only, nothing has to be found out.
        guard let address = known ?? (host.addresses.count == 1 ? host.addresses[0] : nil) else {
            return nil
        }
        var words = options.words + (isShared ? sharing : ["-o", "ControlPath=none"])
        words += ["-o", "BatchMode=yes", "-o", "UpdateHostKeys=no"]
        if isShared { words += ["-o", "Compression=yes"] }
        words += ["-o", "ConnectTimeout=\(options.connectTimeout.components.seconds)"]
        if let port = address.port { words += ["-p", "\(port)"] }
        let name = address.name.contains(":") ? "[\(address.name)]" : address.name
        // Nix cuts the variable at white space, whatever is quoted.
        return (host.user.map { "\($0)@\(name)" } ?? name, words.joined(separator: " "))
    }

    /// The address that answers, as `known_hosts` has it.
    var keyName: String { (state.withLock { $0.address } ?? host.addresses.first)?.keyName ?? "" }

    /// Whether a request has reached the host.
    package var isConnected: Bool { state.withLock { $0.address != nil } }

    /// Ends the shared connection.
    package func close() async {
        guard let address = state.withLock({ $0.address }) else { return }
        let words = ["ssh"] + arguments(address, isNew: false) + ["-O", "exit", "--", address.name]
        _ = try? await LocalCommand(words, deadline: .seconds(10)).run()
    }
}

extension Host {
    /// All addresses in order, after the one that answered last.
    fileprivate func addresses(first known: HostAddress?) -> [HostAddress] {
        (known.map { [$0] } ?? []) + addresses.filter { $0 != known }
    }
}
