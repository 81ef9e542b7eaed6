// SPDX-License-Identifier: Apache-2.0

/// What all hosts of a run share.
package struct FleetContext: Sendable {
    package let roster: FleetRoster
    package let connections: FleetConnections
    package let evaluator: Evaluator
    package let folder: FleetFolder
    /// `user@machine` of whoever deploys, for leases and receipts.
    package let who: String
    package let observer: FleetObserver
    /// Builds of one builder at the same time: sshd lets ten in over one connection.
    let buildSlots = KeyedSlots(each: 6)

    package init(
        roster: FleetRoster,
        connections: FleetConnections,
        folder: FleetFolder,
        who: String,
        observer: @escaping FleetObserver
    ) {
        self.roster = roster
        self.connections = connections
        self.folder = folder
        self.who = who
        self.observer = observer
        evaluator = Evaluator(memoryBytes: roster.settings.evaluationMemoryBytes)
    }

    package func session(of host: Host) -> TargetSession {
        TargetSession(shell: connections.shell(to: host))
    }
}

/// ``Slots`` by name, made when they are first wanted.
actor KeyedSlots {
    private let each: Int
    private var slots: [String: Slots] = [:]

    init(each: Int) { self.each = each }

    func slots(of key: String) -> Slots {
        if let known = slots[key] { return known }
        let made = Slots(each)
        slots[key] = made
        return made
    }
}
