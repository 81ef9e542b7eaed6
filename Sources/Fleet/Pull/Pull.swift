// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Has a host fetch an output path from caches, by its own Nix.
///
/// The bytes go from the caches to the host. What passes here is a script of some kilobytes and a
/// report whose size does not grow with the closure. Nothing is ever built: a path that no tier has
/// is an error that says, for each tier, why.
package struct Pull: Sendable {
    private let shell: any RemoteShell

    /// - Parameter shell: Requests are made as root, which opens the store without its daemon, so that
    ///   nothing the host's Nix remembered of a cache stands in the way.
    package init(on shell: any RemoteShell) {
        self.shell = shell
    }

    /// Fetches what is missing.
    ///
    /// May be repeated, also after it was cut off.
    ///
    /// - Throws: ``PullFailure``, ``RemoteFailure``, ``PullTier/Unusable``.
    package func run(
        _ request: PullRequest,
        onProgress: @escaping @Sendable (PullProgress) -> Void = { _ in }
    ) async throws -> PullReport {
        let script = try PullScript(request)
        let answer = try await shell.run(
            RemoteRequest(
                ["sh", "-s"],
                input: Array(script.text.utf8),
                asRoot: true,
                deadline: request.deadline,
                onLine: { line in
                    guard line.stream == .output else { return }
                    if let progress = PullTranscript.progress(in: line.text) {
                        onProgress(progress)
                    }
                }
            )
        )
        let transcript = PullTranscript(
            lines: String(decoding: answer.output, as: UTF8.self)
                .split(separator: "\n").map(String.init),
            tiers: script.tiers
        )
        return try transcript.report(
            exitCode: answer.exitCode,
            errors: String(decoding: answer.errors, as: UTF8.self)
        )
    }
}
