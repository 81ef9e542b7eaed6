// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Sends a closure from this machine's store to a host over ssh, without what the host's own caches
/// have.
struct Sending: Sendable {
    private let shell: SSHShell

    init(to shell: SSHShell) { self.shell = shell }

    func send(_ path: StorePath, onLine: @escaping @Sendable (RemoteLine) -> Void) async throws {
        _ = try await shell.run(RemoteRequest(["true"], deadline: .seconds(60)))
        guard let nix = shell.forNix(isShared: false) else {
            throw RemoteFailure.unreachable("no address has answered")
        }
        var command = LocalCommand(
            [
                "nix-copy-closure", "--use-substitutes", "--to", nix.destination,
                StoreDirectory.standard.path(of: path),
            ],
            deadline: .seconds(86_400)
        )
        command.environment = NixWords.environment.merging(["NIX_SSHOPTS": nix.options]) { $1 }
        command.onLine = onLine
        let answer: RemoteAnswer
        do {
            answer = try await command.run()
        } catch let failure as LocalCommand.Failure {
            throw HostFailure.failed("\(failure)")
        }
        guard answer.exitCode == 0 else {
            throw HostFailure.failed("it was not sent: \(NixErrorText(answer.errors).text)")
        }
    }
}
