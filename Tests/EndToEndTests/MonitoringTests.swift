// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// `examples/monitoring` against a Firn and a Prometheus that collects its figures.
@Suite(.fewAtATime)
struct MonitoringTests {
    private static let folder = URL(filePath: #filePath)
        .appending(path: "../../../examples/monitoring").standardizedFileURL.path()

    private struct Dashboard: Decodable {
        struct Panel: Decodable {
            struct Target: Decodable { var expr: String }
            struct Place: Decodable, Hashable { var x, y, w, h: Int }

            var id: Int
            var title: String
            var gridPos: Place
            var targets: [Target]?
        }

        var panels: [Panel]
    }

    private struct Answer: Decodable {
        struct Data: Decodable {
            struct Result: Decodable { var metric: [String: String] }

            var result: [Result]
        }

        var status: String
        var data: Data?
    }

    @Test func theRulesAndTheDashboardAskForWhatTheServerExports() async throws {
        let expressions = try Self.expressions()
        try await withPushSetup(create: ["--public", "--quota", "5GB"]) { setup in
            try await withFirnBehind(setup) { server in
                _ = try await server.narInfoStatus(of: setup.top)
                let page = try await server.get("/metrics").text
                let families = Set(page.matches(of: /TYPE (\w+)[ ]/).map { String($0.1) })
                for (place, expression) in expressions {
                    for name in Self.metrics(in: expression) {
                        #expect(families.contains(name), "\(place) asks for \(name)")
                    }
                }
                // What is exported is shown somewhere.
                let asked = Set(expressions.flatMap { Self.metrics(in: $0.1) })
                let unasked = families.subtracting(asked).subtracting(["process_start_time_seconds"]
                )
                #expect(unasked.isEmpty, "no panel and no rule has \(unasked)")
                try await Self.withPrometheus(collecting: [server.port, setup.server.port]) { ask in
                    for (place, expression) in expressions {
                        let answer = try await ask(expression)
                        #expect(answer?.status == "success", "\(place): \(expression)")
                    }
                    for name in families.sorted() where !Self.isHistogram(name, page) {
                        // What has no number yet, such as an answer of a kind that nobody got.
                        guard page.contains(try Regex("(?m)^\(name)[ {]")) else { continue }
                        let found = try await ask(name)?.data?.result ?? []
                        #expect(!found.isEmpty, "Prometheus has no \(name)")
                    }
                }
            }
        }
    }

    @Test func prometheusTakesTheFiles() async throws {
        for check in [["rules", "alerts.yml"], ["config", "prometheus.yml"]] {
            let words = ["check", check[0], "\(Self.folder)/\(check[1])"]
            let outcome = try await Command("promtool", words).run(deadline: .seconds(60))
            #expect(outcome.status == 0, "\(outcome)")
        }
    }

    @Test func thePanelsHaveAPlaceOfTheirOwn() throws {
        let panels = try Self.dashboard().panels
        #expect(Set(panels.map(\.id)).count == panels.count)
        #expect(Set(panels.map(\.gridPos)).count == panels.count)
        for panel in panels {
            #expect(panel.gridPos.x + panel.gridPos.w <= 24, "\(panel.title)")
        }
    }

    // MARK: What is asked for

    private static func dashboard() throws -> Dashboard {
        let data = try Data(contentsOf: URL(filePath: "\(folder)/grafana-dashboard.json"))
        return try JSONDecoder().decode(Dashboard.self, from: data)
    }

    /// Of rules and panels, with where they stand.
    private static func expressions() throws -> [(String, String)] {
        let rules = try String(contentsOfFile: "\(folder)/alerts.yml", encoding: .utf8)
        let folded = rules.replacing(/>-\n +/, with: "").replacing(/\n +\(/, with: " (")
        var all = folded.matches(of: /alert: (\w+)\n +expr: (.+)/).map {
            (String($0.1), String($0.2))
        }
        try #require(all.count == rules.matches(of: /- alert:/).count)
        for panel in try dashboard().panels {
            for target in panel.targets ?? [] {
                let text = target.expr.replacing("$__rate_interval", with: "5m")
                    .replacing("$instance", with: ".*")
                all.append((panel.title, text))
            }
        }
        return all
    }

    /// Families that an expression names; those of Prometheus itself are not ours.
    private static func metrics(in expression: String) -> [String] {
        expression.matches(of: /\b(?:firn|process)_\w+/).map { match in
            let name = String(match.0)
            return name.hasSuffix("_bucket") ? String(name.dropLast(7)) : name
        }
    }

    private static func isHistogram(_ name: String, _ page: String) -> Bool {
        page.contains("# TYPE \(name) histogram\n")
    }

    // MARK: The servers

    /// A Firn with a depot, and the other one as its tier.
    private func withFirnBehind(
        _ setup: PushSetup,
        _ body: (FirnServer) async throws -> Void
    ) async throws {
        try await withNixStore { own in
            try await own.initialise()
            var front = ServerSetup(storeRoot: own.root)
            let key = try String(
                contentsOfFile: "\(setup.server.state)/public-key",
                encoding: .utf8
            )
            front.tiers = [TierSetup("back", at: setup.server.url, trusting: [key])]
            front.lastLines = ["[[cache]]", "name = \"open\"", "public = true", "quota = \"1GB\""]
            try await withServer(front, body)
        }
    }

    /// Starts a Prometheus with the example's files, and waits until it has collected from everybody.
    private static func withPrometheus(
        collecting ports: [UInt16],
        _ body: (_ ask: (String) async throws -> Answer?) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let targets = ports.map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
            let configuration = try String(
                contentsOfFile: "\(folder)/prometheus.yml",
                encoding: .utf8
            ).replacing("\"127.0.0.1:5000\"", with: targets).replacing("15s", with: "1s")
            let file = try directory.write(configuration, to: "prometheus.yml")
            let rules = try String(contentsOfFile: "\(folder)/alerts.yml", encoding: .utf8)
            try directory.write(rules, to: "alerts.yml")
            let port = try ListeningSocket().port
            let log = try FileHandle(
                forUpdating: URL(filePath: try directory.write("", to: "log"))
            )
            let process = try Command(
                "prometheus",
                [
                    "--config.file=\(file)", "--storage.tsdb.path=\(directory.path("data"))",
                    "--web.listen-address=127.0.0.1:\(port)",
                ]
            ).start(output: log, errors: log)
            defer { process.send(signal: SIGKILL) }
            let ask: (String) async throws -> Answer? = { try await Self.ask($0, port) }
            try await wait(for: "the figures", within: .seconds(60)) {
                guard process.exitStatus == nil else {
                    throw Ended(
                        log: try String(contentsOfFile: directory.path("log"), encoding: .utf8)
                    )
                }
                let up = try await ask("up{job=\"firn\"} == 1")?.data?.result.count
                return up == ports.count
            }
            try await body(ask)
        }
    }

    /// Prometheus did not start.
    private struct Ended: Error {
        let log: String
    }

    /// - Returns: `nil` while it does not listen yet.
    private static func ask(_ expression: String, _ port: UInt16) async throws -> Answer? {
        let allowed = CharacterSet.alphanumerics
        let query = expression.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
        let request = HTTPRequest("/api/v1/query?query=\(query)")
        let answer = try? await onOwnThread {
            try HTTPConnection(StreamSocket.connect(port: port)).ask(request)
        }
        guard let answer else { return nil }
        return try? JSONDecoder().decode(Answer.self, from: Data(answer.body))
    }
}
