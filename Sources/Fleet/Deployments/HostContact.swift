// SPDX-License-Identifier: Apache-2.0

/// Reaches a host, awake or not.
struct HostContact: Sendable {
    let context: FleetContext

    /// What is on the host, in one round trip; a host that is asleep is woken first.
    ///
    /// - Throws: ``RemoteFailure/unreachable(_:)`` when it does not answer, awake or asleep.
    func facts(of host: Host, _ record: HostRecord) async throws -> TargetFacts {
        record.begin(.state)
        let session = context.session(of: host)
        do {
            return try await ask(session)
        } catch RemoteFailure.unreachable(let said) {
            guard host.mac != nil else { throw RemoteFailure.unreachable(said) }
            try await wake(host, record)
            record.begin(.state)
            return try await ask(session)
        }
    }

    /// Whoever does not say what it runs in time is as good as away; nothing has been begun on it.
    private func ask(_ session: TargetSession) async throws -> TargetFacts {
        do {
            return try await session.facts(asRoot: false)
        } catch let failure as RemoteFailure {
            switch failure {
            case .timedOut, .brokenOff: throw RemoteFailure.unreachable(failure.description)
            case .unreachable, .hostKey, .notLetIn, .notRoot, .noSSH: throw failure
            }
        }
    }

    /// Wakes a host, and comes back when it lets us in.
    func wake(_ host: Host, _ record: HostRecord) async throws {
        guard let mac = host.mac else {
            throw RemoteFailure.unreachable("\(host.name) has no mac to be woken by")
        }
        record.begin(.wake)
        record.log("waking \(mac)")
        let shell = context.connections.shell(to: host)
        do {
            try await Waker().wake(mac, within: context.roster.settings.wakeTimeout) {
                let look = RemoteRequest(["true"], deadline: .seconds(10))
                return (try? await shell.run(look))?.exitCode == 0
            }
        } catch let failure as Waker.Failure {
            throw RemoteFailure.unreachable("\(failure)")
        }
    }
}
