// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// How one host stands to its configuration; what could not be found out is not there.
package struct HostStanding: Sendable {
    package var host: Host
    package var wanted: WantedSystem?
    package var facts: TargetFacts?
    /// Only where both are known.
    package var state: HostState?
    /// Why something is not known.
    package var problems: [Problem] = []
    /// All that was said where its configuration does not evaluate.
    package var log: String?

    /// What is wrong, and what to do about it, in one line.
    package struct Problem: Hashable, Sendable {
        package enum Kind: String, Sendable {
            case evaluation, unreachable, access, system, lineage, lease, root, builder, preflight
        }

        package var kind: Kind
        package var text: String
    }
}

/// Looks at hosts without changing anything.
package struct FleetSurvey: Sendable {
    package struct Depth: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// What their configurations evaluate to.
        package static let wanted = Depth(rawValue: 1)
        /// Everything that a deploy would stumble over.
        package static let preflight = Depth(rawValue: 2)
    }

    private let context: FleetContext
    private let depth: Depth
    private let slots = Slots(16)

    package init(_ context: FleetContext, _ depth: Depth) {
        self.context = context
        self.depth = depth
    }

    package func look(at hosts: [Host]) async throws -> [HostStanding] {
        let found = try await withThrowingTaskGroup(of: HostStanding.self) { group in
            for host in hosts {
                group.addTask { try await slots.use { try await look(at: host) } }
            }
            return try await group.reduce(into: [HostName: HostStanding]()) {
                $0[$1.host.name] = $1
            }
        }
        return hosts.compactMap { found[$0.name] }
    }

    private func look(at host: Host) async throws -> HostStanding {
        let record = depth.contains(.preflight) ? record(of: host) : nil
        async let wanted = evaluate(host, record)
        async let facts = ask(host)
        var standing = HostStanding(host: host)
        switch await wanted {
        case .success(let system): standing.wanted = system
        case .failure(let error):
            standing.problems.append(error.problem)
            standing.log = record?.logPath
        }
        switch await facts {
        case .success(let found): standing.facts = found
        case .failure(let error): standing.problems.append(error.problem)
        }
        try Task.checkCancellation()
        let order = await compare(&standing)
        if depth.contains(.preflight) {
            if let refusal = order.refusal {
                standing.problems.append(.init(kind: .lineage, text: refusal))
            }
            await check(&standing)
        }
        return standing
    }

    private func compare(_ standing: inout HostStanding) async -> LineageOrder {
        guard let facts = standing.facts, let wanted = standing.wanted else { return .forward }
        let order = await LineageReader().order(
            running: facts.lineage.map { Lineage(parsing: $0) },
            wanted: wanted.lineage,
            of: standing.host.source
        )
        standing.state = HostState(
            wanted: wanted.path,
            running: facts.running,
            profile: facts.profile,
            isLater: order.isBackward && facts.running != wanted.path
        )
        return facts.running == wanted.path ? .forward : order
    }

    /// A log is kept where something is looked for; without a state folder there is none.
    private func record(of host: Host) -> HostRecord {
        let log = context.folder.newLog(of: host.name, DeployToken())
        return HostRecord(host.name, logPath: log) { _, _ in }
    }

    private func evaluate(
        _ host: Host,
        _ record: HostRecord?
    ) async -> Result<WantedSystem?, ProblemError> {
        guard depth.contains(.wanted) else { return .success(nil) }
        do {
            let system = try await context.evaluator.evaluate(host.source) { line in
                record?.log(line.text)
            }
            return .success(system)
        } catch {
            record?.log(error)
            return .failure(.init(.evaluation, "\(error)"))
        }
    }

    private func ask(_ host: Host) async -> Result<TargetFacts, ProblemError> {
        do {
            return .success(try await context.session(of: host).facts(asRoot: false))
        } catch let failure as RemoteFailure {
            switch failure {
            case .unreachable, .brokenOff, .timedOut:
                return .failure(.init(.unreachable, failure.description))
            case .hostKey, .notLetIn, .notRoot, .noSSH:
                return .failure(.init(.access, failure.description))
            }
        } catch {
            return .failure(.init(.unreachable, "\(error)"))
        }
    }

    /// What a deploy would find before it touches anything.
    private func check(_ standing: inout HostStanding) async {
        guard let facts = standing.facts else { return }
        let host = standing.host
        if let lease = facts.lease, lease.isHeld {
            standing.problems.append(
                .init(kind: .lease, text: TargetError.leased(lease).description)
            )
        }
        if let theirs = host.system ?? facts.system, let ours = standing.wanted?.system,
            host.system.map({ $0 != ours }) ?? !facts.takes(ours)
        {
            let text = "the configuration is for \(ours), and the host is \(theirs)"
            standing.problems.append(.init(kind: .system, text: text))
        }
        var question = PreflightQuestion()
        // Of another kind of machine it was told above.
        question.checks = host.health.checks
        do {
            let findings = try await context.session(of: host).preflight(question)
            standing.problems += findings.map {
                .init(kind: .preflight, text: "\($0.detail); \($0.remedy)")
            }
        } catch RemoteFailure.notRoot(let text) {
            standing.problems.append(.init(kind: .root, text: text))
        } catch {
            standing.problems.append(.init(kind: .preflight, text: "\(error)"))
        }
        await checkBuilder(&standing)
    }

    private func checkBuilder(_ standing: inout HostStanding) async {
        guard context.roster.via(standing.host, asked: nil) == .builder else { return }
        guard let builder = standing.host.builder.flatMap(context.roster.host) else {
            standing.problems.append(.init(kind: .builder, text: HostFailure.noBuilder.description))
            return
        }
        if context.roster.cache(of: builder) == nil {
            let text = "no [[tier]] is the Firn of \(builder.name); write one with its name"
            standing.problems.append(.init(kind: .builder, text: text))
        }
        do {
            let shell = context.connections.shell(to: builder)
            let look = RemoteRequest(["sh", "-c", "command -v nix-store"], deadline: .seconds(60))
            if try await shell.run(look).exitCode != 0 {
                let text = "the builder \(builder.name) has no nix-store in its PATH; install Nix"
                standing.problems.append(.init(kind: .builder, text: text))
            }
        } catch {
            let text = "the builder \(builder.name): \(error)"
            standing.problems.append(.init(kind: .builder, text: text))
        }
    }

    private struct ProblemError: Error {
        let problem: HostStanding.Problem

        init(_ kind: HostStanding.Problem.Kind, _ text: String) {
            problem = .init(kind: kind, text: text)
        }
    }
}

extension LineageOrder {
    var isBackward: Bool {
        if case .backward = self { return true }
        return false
    }

    /// Why nobody goes there by accident; `nil` where nothing speaks against it.
    var refusal: String? {
        switch self {
        case .forward: nil
        case .backward(let reason), .unrelated(let reason):
            "\(reason); --force goes there all the same"
        }
    }
}
