// SPDX-License-Identifier: Apache-2.0
import Fleet
import FleetTestSupport
import NixFormat
import Synchronization
import Testing

/// A machine to deploy to, the one that deploys, and what was seen of it.
struct DeployTarget: Sendable {
    let fleet: NamespaceFleet
    let host: NamespaceHost
    let session: TargetSession
    private let seen = Seen()

    private final class Seen: Sendable {
        let events = Mutex<[SwitchEvent]>([])
        let log = Mutex<[String]>([])
    }

    init(fleet: NamespaceFleet, session: TargetSession? = nil) {
        self.fleet = fleet
        host = fleet["samsung"]
        self.session =
            session
            ?? TargetSession(shell: HostShell(to: fleet["samsung"], from: fleet["p620"]))
    }

    var events: [SwitchEvent] { seen.events.withLock { $0 } }
    var log: [String] { seen.log.withLock { $0 } }

    /// The path as a value.
    func path(_ text: String) -> StorePath? {
        try? StoreDirectory.standard.storePath(parsing: text)
    }

    /// What runs, what the profile names and what would be booted.
    func expect(
        running: String,
        profile: String,
        boots: String,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let systems = try await host.systems()
        #expect(systems.running == running, sourceLocation: location)
        #expect(systems.profile == profile, sourceLocation: location)
        #expect(systems.boots == boots, sourceLocation: location)
    }

    func order(
        _ system: String,
        token: DeployToken = DeployToken(),
        _ change: (inout SwitchOrder) -> Void = { _ in }
    ) throws -> SwitchOrder {
        var order = SwitchOrder(token: token, system: try #require(path(system)))
        order.health.settle = .seconds(1)
        order.health.deadline = .seconds(20)
        change(&order)
        return order
    }

    func observer() -> TargetSession.SwitchObserver {
        var observer = TargetSession.SwitchObserver()
        let seen = seen
        observer.onEvent = { event in seen.events.withLock { $0.append(event) } }
        observer.onLog = { line in seen.log.withLock { $0.append(line) } }
        return observer
    }

    /// Takes the lease and switches.
    func deploy(
        _ system: String,
        _ change: (inout SwitchOrder) -> Void = { _ in }
    ) async throws -> SwitchOutcome {
        try await deploy(try order(system, change))
    }

    func deploy(
        _ order: SwitchOrder,
        observer: TargetSession.SwitchObserver? = nil
    ) async throws -> SwitchOutcome {
        _ = try await session.takeLease(order.token, for: "olaf@p620", system: order.system)
        do {
            return try await session.apply(order, observer: observer ?? self.observer())
        } catch let error as TargetError {
            try await session.release(order.token)
            throw error
        }
    }
}

extension NamespaceHost.Plan {
    /// A machine to deploy to that differs in something.
    static func samsung(_ change: (inout Self) -> Void) -> Self {
        var plan: Self = "samsung"
        change(&plan)
        return plan
    }
}

/// A fleet of `p620`, which deploys, and one machine to deploy to.
func withTarget(
    _ plan: NamespaceHost.Plan = "samsung",
    _ body: (DeployTarget) async throws -> Void
) async throws {
    try await withNamespaceFleet(["p620", plan]) { fleet in
        try await body(DeployTarget(fleet: fleet))
    }
}
