// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Sends a closure from this machine's store to a host over ssh, without what the host's own caches
/// have.
struct Sending: Sendable {
    private let shell: SSHShell

    /// Followed by "a valid signature" or "a signature by a trusted key", as versions have it.
    private static let untrusted = " because it lacks a "

    init(to shell: SSHShell) { self.shell = shell }

    /// - Returns: The bytes that were sent, unpacked.
    func send(
        _ path: StorePath,
        onLine: @escaping @Sendable (RemoteLine) -> Void
    ) async throws -> UInt64 {
        _ = try await shell.run(RemoteRequest(["true"], deadline: .seconds(60)))
        guard let nix = shell.forNix(isShared: false) else {
            throw RemoteFailure.unreachable("no address has answered")
        }
        let first = try await copy(path, to: nix, ["--use-substitutes"], onLine)
        // Nix ends when a cache of the host does not answer, which was only to save bytes.
        let isEnough = first.exitCode == 0 || Self.isUntrusted(first)
        let answer = isEnough ? first : try await copy(path, to: nix, [], onLine)
        guard answer.exitCode == 0 else {
            if Self.isUntrusted(answer) {
                throw HostFailure.refused(
                    "its Nix takes nothing unsigned from this user; log in as root, or name the user"
                        + " in trusted-users of its nix.conf"
                )
            }
            throw HostFailure.failed("it was not sent: \(NixErrorText(answer.errors).text)")
        }
        let said = isEnough ? answer.errors : first.errors + answer.errors
        return await size(of: String(decoding: said, as: UTF8.self))
    }

    private func copy(
        _ path: StorePath,
        to nix: (destination: String, options: String),
        _ options: [String],
        _ onLine: @escaping @Sendable (RemoteLine) -> Void
    ) async throws -> RemoteAnswer {
        let words =
            ["nix-copy-closure"] + options
            + ["--to", nix.destination, StoreDirectory.standard.path(of: path)]
        var command = LocalCommand(words, deadline: .seconds(86_400))
        command.environment = NixWords.environment.merging(["NIX_SSHOPTS": nix.options]) { $1 }
        command.onLine = onLine
        do {
            return try await command.run()
        } catch let failure as LocalCommand.Failure {
            throw HostFailure.failed("\(failure)")
        }
    }

    private static func isUntrusted(_ answer: RemoteAnswer) -> Bool {
        answer.exitCode != 0
            && String(decoding: answer.errors, as: UTF8.self).contains(untrusted)
    }

    /// Of the paths that Nix says it copied: `copying path '/nix/store/…' to 'ssh://…'...`.
    private func size(of said: String) async -> UInt64 {
        let paths = said.split(separator: "\n").compactMap { line -> String? in
            let parts = line.split(separator: "'")
            guard line.hasPrefix("copying path '"), parts.count > 1 else { return nil }
            return String(parts[1])
        }
        guard !paths.isEmpty else { return 0 }
        let command = LocalCommand(["nix-store", "-q", "--size"] + paths, deadline: .seconds(60))
        guard let answer = try? await command.run(), answer.exitCode == 0 else { return 0 }
        return String(decoding: answer.output, as: UTF8.self).split(separator: "\n")
            .reduce(0) { $0 &+ (UInt64($1) ?? 0) }
    }
}
