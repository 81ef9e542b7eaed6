// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// Has a host's system built where it is to be.
struct HostBuild: Sendable {
    let context: FleetContext
    let host: Host
    let record: HostRecord

    /// A network or an sshd that is started anew takes a moment.
    private static let patience = Duration.seconds(20)

    /// Has it built; a builder that sleeps is woken first.
    ///
    /// What is on the host stays with its builder as well.
    func run(
        _ wanted: WantedSystem,
        via: DeployVia,
        facts: TargetFacts?
    ) async throws -> Builder.Outcome {
        record.begin(.build)
        let keeping = facts.map { self.keeping($0, via) }
        switch via {
        case .here: return try await build(wanted, at: .here, keeping)
        case .target:
            let shell = context.connections.shell(to: host)
            return try await build(wanted, at: .host(shell), keeping)
        case .builder: return try await buildOnBuilder(wanted, keeping)
        }
    }

    private func buildOnBuilder(
        _ wanted: WantedSystem,
        _ keeping: Builder.Keeping?
    ) async throws -> Builder.Outcome {
        guard let builder = host.builder.flatMap(context.roster.host) else {
            throw HostFailure.noBuilder
        }
        let shell = context.connections.shell(to: builder)
        do {
            return try await build(wanted, at: .host(shell), keeping)
        } catch let failure as RemoteFailure {
            guard case .unreachable = failure, builder.mac != nil else {
                throw Self.inBuildersName(failure, builder)
            }
            do {
                try await HostContact(context: context).wake(builder, record)
                record.begin(.build)
                return try await build(wanted, at: .host(shell), keeping)
            } catch let failure as RemoteFailure {
                throw Self.inBuildersName(failure, builder)
            }
        }
    }

    private func build(
        _ wanted: WantedSystem,
        at place: Builder.Place,
        _ keeping: Builder.Keeping?
    ) async throws -> Builder.Outcome {
        let slots = await context.buildSlots.slots(of: place.name)
        return try await slots.use {
            do {
                return try await buildOnce(wanted, at: place, keeping)
            } catch RemoteFailure.brokenOff(let said) {
                record.note("the connection to \(place.name) broke (\(said)); asking it again")
                return try await buildAgain(wanted, at: place, keeping)
            }
        }
    }

    /// What was built by then is there, and whoever is dead is not reached any more.
    private func buildAgain(
        _ wanted: WantedSystem,
        at place: Builder.Place,
        _ keeping: Builder.Keeping?
    ) async throws -> Builder.Outcome {
        let end = ContinuousClock.now + Self.patience
        while true {
            do {
                return try await buildOnce(wanted, at: place, keeping)
            } catch RemoteFailure.unreachable where ContinuousClock.now < end {
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func buildOnce(
        _ wanted: WantedSystem,
        at place: Builder.Place,
        _ keeping: Builder.Keeping?
    ) async throws -> Builder.Outcome {
        try await Builder(place).build(wanted, for: host.name, keeping: keeping) { line in
            record.take(line)
        }
    }

    /// The host's own profile keeps what it could go back to, and lets go when its owner does.
    private func keeping(_ facts: TargetFacts, _ via: DeployVia) -> Builder.Keeping {
        let now = [facts.running, facts.booted, facts.profile].compactMap(\.self)
        return Builder.Keeping(
            running: facts.running,
            systems: via == .target ? [] : Array(Set(now + facts.generations.map(\.path))),
            hosts: context.roster.hosts.map(\.name),
            who: context.who
        )
    }

    /// The host itself may well be reachable.
    private static func inBuildersName(
        _ failure: RemoteFailure,
        _ builder: Host
    ) -> BuilderUnreachable {
        BuilderUnreachable(builder: builder.name, cause: failure)
    }
}

/// The builder cannot be had; somebody else may build.
struct BuilderUnreachable: Error, CustomStringConvertible {
    let builder: HostName
    let cause: RemoteFailure

    /// Whether it is only not there, as opposed to there and not willing.
    var isAway: Bool {
        if case .unreachable = cause { return true }
        return false
    }

    var summary: String {
        if case .unreachable(let said) = cause { return "the builder \(builder): \(said)" }
        return "the builder \(builder): \(cause)"
    }

    var description: String {
        isAway ? "\(summary); wake it, or deploy --via target or --via here" : summary
    }
}
