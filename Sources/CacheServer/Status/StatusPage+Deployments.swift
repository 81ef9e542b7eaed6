// SPDX-License-Identifier: Apache-2.0
import Foundation

extension StatusPage {
    /// What is known of the fleet; `nil` is for those who are not to know.
    package enum Fleet: Sendable {
        case hosts([DeployedHost])
        case unreadable(reason: String)
    }

    private static let mostShown = 10

    func deployments(_ fleet: Fleet) -> HTML {
        let hosts: [DeployedHost]
        switch fleet {
        case .hosts(let known): hosts = known
        case .unreadable(let reason):
            return "<p class=\"down\">✕ The receipts cannot be read: \(reason)</p>\n"
        }
        guard !hosts.isEmpty else {
            return "<p>None: there are no hosts here, and nothing was deployed from here.</p>\n"
        }
        var html = table(
            "Deployments",
            ["Host", "State", "When", "Took", "How", "System"],
            hosts.map(row)
        )
        html += """
            <p>Each host as its last deployment from this machine left it; <code>firn hosts</code> asks \
            them.</p>

            """
        let all = hosts.flatMap { host in host.deployments.map { (host.name, $0) } }
            .sorted { $0.1.startedAt > $1.1.startedAt }
        guard !all.isEmpty else { return html }
        html += "<details><summary>The last deployments</summary><ul>\n"
        for (name, deployment) in all.prefix(Self.mostShown) {
            let reason = deployment.reason.map { ": \($0)" } ?? ""
            html += """
                <li>\(time(deployment.startedAt)) \(name): \(deployment.action), \
                \(outcome(deployment))\(reason), by \(deployment.by)</li>

                """
        }
        html += "</ul></details>\n"
        return html
    }

    private func row(_ host: DeployedHost) -> [HTML] {
        let waiting: HTML =
            host.queuedAt.map { "<br>▲ queued since \(time($0))" } ?? ""
        guard let last = host.deployments.first else {
            return ["\(host.name)", "○ not deployed from here\(waiting)", "–", "–", "–", "–"]
        }
        return [
            "\(host.name)", "\(outcome(last))\(waiting)", "\(time(last.startedAt))",
            "\(PageText.latency(last.took))", "\(last.action), by \(last.strategy)",
            last.system.map(system) ?? "–",
        ]
    }

    /// In words, so that it does not hang on a colour.
    private func outcome(_ deployment: DeployedHost.Deployment) -> HTML {
        switch deployment.ending {
        case .good: "<span class=\"up\">● \(deployment.outcome)</span>"
        case .left: "<span class=\"rest\">▲ \(deployment.outcome)</span>"
        case .bad: "<span class=\"down\">✕ \(deployment.outcome)</span>"
        }
    }

    /// Its name; the hash in front of it would fill the line.
    private func system(_ path: String) -> HTML {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return
            "<code title=\"\(path)\">\(name.count > 33 ? String(name.dropFirst(33)) : name)</code>"
    }
}
