// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Fleet
import NixFormat

/// Hosts and how they stand, as a person and as a programme read it.
enum StandingView {
    static func table(
        _ standings: [HostStanding],
        _ queued: Set<HostName>,
        _ style: TextStyle
    ) -> [String] {
        var table = TextTable([.left, .left, .left, .right, .left, .left])
        table.add(["HOST", "STATE", "RUNS", "GENERATION", "BUILDER", "TAGS"])
        for standing in standings {
            let host = standing.host
            let waits = queued.contains(host.name) ? ", queued" : ""
            table.add([
                TextTable.Cell("\(host.name)"),
                TextTable.Cell(state(standing) + waits, colour(standing)),
                TextTable.Cell(standing.facts.map(running) ?? ""),
                TextTable.Cell(standing.facts?.generation.map { "\($0)" } ?? ""),
                TextTable.Cell(host.builder.map { "\($0)" } ?? ""),
                TextTable.Cell(host.tags.map { "\($0)" }.joined(separator: " ")),
            ])
        }
        for standing in standings {
            for problem in standing.problems {
                table.addNote(TextTable.Cell("\(standing.host.name): \(problem.text)"))
            }
        }
        return table.lines(style)
    }

    static func findings(_ standings: [HostStanding], _ style: TextStyle) -> [String] {
        var table = TextTable([.left, .left, .left])
        for standing in standings {
            if standing.problems.isEmpty {
                let state = standing.state.map { " (\($0.rawValue))" } ?? ""
                table.add([
                    TextTable.Cell("\(standing.host.name)"), TextTable.Cell("pass", .green),
                    TextTable.Cell("ready\(state)"),
                ])
            }
            for problem in standing.problems {
                table.add([
                    TextTable.Cell("\(standing.host.name)"), TextTable.Cell("fail", .red),
                    TextTable.Cell("\(problem.kind.rawValue): \(problem.text)"),
                ])
            }
            if let log = standing.log {
                table.addNote(TextTable.Cell("log of \(standing.host.name): \(log)"))
            }
        }
        return table.lines(style)
    }

    static func json(_ standings: [HostStanding], _ queued: Set<HostName>) throws -> String {
        let bodies = standings.map { StandingBody($0, isQueued: queued.contains($0.host.name)) }
        return String(decoding: try FirnJSON.write(bodies), as: UTF8.self)
    }

    private static func state(_ standing: HostStanding) -> String {
        if let state = standing.state { return state.rawValue }
        guard standing.facts == nil else { return "?" }
        let isAway = standing.problems.contains { $0.kind == .unreachable }
        return isAway ? "unreachable" : "?"
    }

    private static func colour(_ standing: HostStanding) -> TextStyle.Colour? {
        switch standing.state {
        case .current: .green
        case .stagedForBoot, .behind, .ahead: .yellow
        case .drifted, nil: .red
        }
    }

    private static func running(_ facts: TargetFacts) -> String {
        guard let path = facts.running else { return "?" }
        return FleetReports.short(StoreDirectory.standard.path(of: path))
    }
}

/// One host, as `firn hosts --json` prints it.
struct StandingBody: Encodable {
    struct ProblemBody: Encodable {
        let kind: String
        let text: String
    }

    let host: String
    let state: String?
    let wanted: String?
    let running: String?
    let profile: String?
    let booted: String?
    let generation: Int?
    let system: String?
    let isQueued: Bool
    let problems: [ProblemBody]
    let log: String?

    private enum CodingKeys: String, CodingKey {
        case host, state, wanted, running, profile, booted, generation, system, problems
        case log
        case isQueued = "queued"
    }

    init(_ standing: HostStanding, isQueued: Bool) {
        func path(_ path: StorePath?) -> String? { path.map(StoreDirectory.standard.path(of:)) }
        host = "\(standing.host.name)"
        state = standing.state?.rawValue
        wanted = path(standing.wanted?.path)
        running = path(standing.facts?.running)
        profile = path(standing.facts?.profile)
        booted = path(standing.facts?.booted)
        generation = standing.facts?.generation
        system = standing.facts?.system
        self.isQueued = isQueued
        log = standing.log
        problems = standing.problems.map { ProblemBody(kind: $0.kind.rawValue, text: $0.text) }
    }
}
