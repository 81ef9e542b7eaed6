// SPDX-License-Identifier: Apache-2.0

/// Asks a host anew what it runs where a deploy has come to nothing: what was seen before it may not be
/// so any more.
struct RunningSystem: Sendable {
    let context: FleetContext
    let host: Host

    /// Also for a caller that was cancelled; a host that did not let us in before is not asked.
    func look(after error: any Error, _ work: HostWork) async {
        guard work.known.isReached || error is EvaluationFailure else { return }
        let session = context.session(of: host)
        let facts = await Task {
            let look = Task { try await session.facts(asRoot: false) }
            let bound = Task {
                try await Task.sleep(for: .seconds(30))
                look.cancel()
            }
            defer { bound.cancel() }
            return try? await look.value
        }.value
        if let facts {
            work.see(facts)
        } else {
            // Not known is not what it was.
            work.update { $0.running = nil }
        }
    }
}
