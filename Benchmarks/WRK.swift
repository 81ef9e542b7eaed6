// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// The load generator `wrk`, with a script that asks for one target after the other.
enum WRK {
    /// `authorization`: The field of that name in each request.
    /// - Returns: Requests per second over three seconds.
    static func requestsPerSecond(
        _ targets: [String],
        port: UInt16,
        authorization: String? = nil
    ) async throws -> Double {
        try await withTemporaryDirectory { directory in
            let script = try directory.write(lua(targets, authorization), to: "targets.lua")
            let load = ["--threads", "2", "--connections", "32", "--duration", "3s"]
            let arguments = load + ["--script", script, "http://127.0.0.1:\(port)"]
            let report = try await Command("wrk", arguments).run(deadline: .seconds(60))
                .requireSuccess().text
            guard !report.contains("Non-2xx"),
                let rate = report.firstMatch(of: /Requests\/sec: +([0-9.]+)/)
            else { throw Downloader.UselessAnswer(description: report) }
            return Double(rate.1) ?? 0
        }
    }

    private static func lua(_ targets: [String], _ authorization: String?) -> String {
        let list = targets.map { "\"\($0)\"" }.joined(separator: ",\n")
        let field = authorization.map { "wrk.headers[\"Authorization\"] = \"\($0)\"" } ?? ""
        return """
            \(field)
            local targets = {
            \(list)
            }
            local requests = {}
            local number = 0
            function init()
                for index, target in ipairs(targets) do
                    requests[index] = wrk.format("GET", target)
                end
            end
            function request()
                number = number % #requests + 1
                return requests[number]
            end
            """
    }
}
