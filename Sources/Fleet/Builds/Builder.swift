// SPDX-License-Identifier: Apache-2.0
import Foundation
package import NixFormat

/// A machine that builds: it is given a derivation, and keeps what comes of it.
///
/// What it built is a root there, so that its collection does not take what a host still needs; the
/// links lie in the state folder of the user that ssh logs in as, one folder a host.
package struct Builder: Sendable {
    package enum Failure: Error, Sendable, CustomStringConvertible {
        /// The derivation did not reach the builder; Nix's words.
        case notCopied(String)
        /// Nix's words about what failed.
        case notBuilt(String)
        /// It built something else than what was evaluated.
        case otherOutput(String)
        case notASystem(String)
        /// A path that was named, without what it is built from; where, and Nix's words.
        case notThere(path: String, place: String, said: String)

        package var description: String {
            switch self {
            case .notCopied(let said): "the derivation could not be copied to the builder: \(said)"
            case .notBuilt(let said): "the build failed: \(said)"
            case .notASystem(let path):
                "\(path) has no bin/switch-to-configuration; deploy a system"
                    + " (config.system.build.toplevel)"
            case .notThere(let path, let place, let said):
                "neither the store of \(place) nor a cache that it asks has \(path); name what it is"
                    + " built from (\(said))"
            case .otherOutput(let path): "the build gave \(path), which is not what was evaluated"
            }
        }
    }

    /// What came of a build.
    package struct Outcome: Sendable {
        /// What was built first, by name; what was there already or fetched is not among it.
        package var builtNames: [String]
        /// How many there were; more than names where they were very many.
        package var builtCount: Int
        /// What came from which cache, by its address.
        package var fetched: [String: Fetched]
        /// What it cost who built, without what Nix's daemon did for it.
        package var use: ResourceUse?
        /// Unpacked size of what the host lacks, as far as the builder knows what it has.
        package var missingBytes: Int?
        /// Who built.
        package var place: String
        /// The type of system that it is for, as it says itself.
        package var system: String?
    }

    /// What one cache gave while it was built.
    package struct Fetched: Hashable, Sendable {
        package var paths: Int
        /// Unpacked.
        package var narBytes: UInt64
        /// As they came over the network, without heads.
        package var wireBytes: UInt64

        package init(paths: Int, narBytes: UInt64, wireBytes: UInt64) {
            self.paths = paths
            self.narBytes = narBytes
            self.wireBytes = wireBytes
        }
    }

    /// What else a builder keeps while it builds for a host; everything else of the fleet goes.
    package struct Keeping: Sendable {
        /// What the host runs: it does not have to fetch what is in its closure.
        package var running: StorePath?
        /// What it runs, boots and could go back to.
        package var systems: [StorePath]
        /// All hosts that there are; what the same deployer had kept for others goes.
        package var hosts: [HostName]
        /// `user@machine` of the deployer.
        package var who: String
    }

    /// How a derivation gets to the machine, and how Nix there is called.
    package enum Place: Sendable {
        /// This machine, whose store has the derivation already.
        case here
        case host(SSHShell)

        package var name: String {
            switch self {
            case .here: "here"
            case .host(let shell): shell.hostName
            }
        }
    }

    private let place: Place
    private let store = StoreDirectory.standard
    /// For one build; builds of days are no deploys.
    private let deadline: Duration

    package init(_ place: Place, deadline: Duration = .seconds(86_400)) {
        self.place = place
        self.deadline = deadline
    }

    /// Builds, or fetches, what a host is to run.
    ///
    /// - Parameters:
    ///   - wanted: Its derivation, where there is one, is in the store of this machine.
    ///   - host: For whom it is kept.
    ///   - others: What else is to stay for the host; `nil` leaves what is there.
    ///   - onLine: What Nix says, as it says it.
    /// - Returns: What was built, and what the host will have to fetch.
    /// - Throws: ``Failure``, ``RemoteFailure``, `CancellationError`.
    package func build(
        _ wanted: WantedSystem,
        for host: HostName,
        keeping others: Keeping?,
        onLine: @escaping @Sendable (RemoteLine) -> Void
    ) async throws -> Outcome {
        var goal = wanted.path
        if let derivation = wanted.derivation, await isHere(derivation) {
            try await send(derivation, onLine)
            goal = derivation
        }
        let answer = try await run(
            Self.realisation,
            [
                store.path(of: goal), store.path(of: wanted.path), "\(host)",
                others?.running.map(store.path(of:)) ?? "",
                others?.who ?? "",
                others.map { $0.hosts.map(\.description).joined(separator: " ") } ?? "",
            ] + (others?.systems.map(store.path(of:)) ?? []),
            onLine
        )
        let lines = String(decoding: answer.output, as: UTF8.self).split(separator: "\n")
        guard answer.exitCode == 0 else {
            let said = NixErrorText(answer.errors).text
            guard goal == wanted.path else { throw Failure.notBuilt(said) }
            throw Failure.notThere(path: store.path(of: goal), place: place.name, said: said)
        }
        if lines.contains("no system") {
            throw Failure.notASystem(store.path(of: wanted.path))
        }
        guard lines.contains("ok") else {
            throw Failure.otherOutput(lines.joined(separator: " "))
        }
        let missing = lines.first { $0.hasPrefix("missing ") }.flatMap { Int($0.dropFirst(8)) }
        let names = Self.buildings(answer.errors).map(\.name)
        let counts = Self.counts(answer.errors)
        return Outcome(
            builtNames: names,
            builtCount: max(names.count, counts.built),
            fetched: counts.fetched,
            use: ResourceUse(parsing: lines),
            missingBytes: missing,
            place: place.name,
            system: lines.first { $0.hasPrefix("kind ") && $0.count > 5 }
                .map { String($0.dropFirst(5)) }
        )
    }

    /// What was queued long ago may have been collected here; its output is kept where it was built.
    private func isHere(_ derivation: StorePath) async -> Bool {
        let words = ["nix-store", "--check-validity", store.path(of: derivation)]
        return (try? await LocalCommand(words, deadline: .seconds(60)).run())?.exitCode == 0
    }

    private func send(
        _ derivation: StorePath,
        _ onLine: @escaping @Sendable (RemoteLine) -> Void
    ) async throws {
        guard case .host(let shell) = place else { return }
        if shell.forNix(isShared: true) == nil {
            // Which address answers is found out by the first request.
            _ = try await shell.run(RemoteRequest(["true"], deadline: .seconds(60)))
        }
        guard let nix = shell.forNix(isShared: true) else {
            throw RemoteFailure.unreachable("no address has answered")
        }
        var command = LocalCommand(
            [
                "nix-copy-closure", "--to", nix.destination, store.path(of: derivation),
            ],
            deadline: .seconds(1_800)
        )
        command.environment = NixWords.environment.merging(["NIX_SSHOPTS": nix.options]) { $1 }
        command.onLine = onLine
        let answer: RemoteAnswer
        do {
            answer = try await command.run()
        } catch let failure as LocalCommand.Failure {
            throw Failure.notCopied("\(failure)")
        }
        guard answer.exitCode == 0 else {
            if let failure = RemoteFailure(notConnected: answer.errors, address: shell.keyName) {
                throw failure
            }
            throw Failure.notCopied(NixErrorText(answer.errors).text)
        }
    }

    private func run(
        _ script: String,
        _ words: [String],
        _ onLine: @escaping @Sendable (RemoteLine) -> Void
    ) async throws -> RemoteAnswer {
        let program = ["sh", "-s", "--"] + words
        switch place {
        case .host(let shell):
            return try await shell.run(
                RemoteRequest(
                    program,
                    input: Array(script.utf8),
                    deadline: deadline,
                    onLine: onLine
                )
            )
        case .here:
            var command = LocalCommand(program, deadline: deadline)
            command.input = Array(script.utf8)
            command.onLine = onLine
            command.environment = NixWords.environment
            return try await command.run()
        }
    }

    /// The derivations that Nix began to build, as far as they were told singly.
    private static func buildings(_ errors: [UInt8]) -> [(name: String, count: Int)] {
        String(decoding: errors, as: UTF8.self).split(whereSeparator: \.isNewline)
            .compactMap(building)
    }

    /// What the script counted instead of saying it.
    private static func counts(_ errors: [UInt8]) -> (built: Int, fetched: [String: Fetched]) {
        var built = 0
        var fetched: [String: Fetched] = [:]
        for line in String(decoding: errors, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            switch (words.first, words.count) {
            case ("firn-built", 2): built = Int(words[1]) ?? 0
            case ("firn-fetched", 5):
                guard let paths = Int(words[1]), let narBytes = UInt64(words[2]),
                    let wireBytes = UInt64(words[3])
                else { break }
                fetched[words[4]] = Fetched(
                    paths: paths,
                    narBytes: narBytes,
                    wireBytes: wireBytes
                )
            default: break
            }
        }
        return (built, fetched)
    }

    /// Reads `building '/nix/store/HASH-NAME.drv' (COUNT)`; the count is of this and those before.
    package static func building(_ line: some StringProtocol) -> (name: String, count: Int)? {
        guard
            let match = String(line).wholeMatch(
                of: /building '[^']*\/[^\/']{32}-([^\/']+)' \((\d+)\)/
            ),
            let count = Int(match.2)
        else { return nil }
        return (String(match.1), count)
    }
}
