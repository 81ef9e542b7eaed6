// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension FirnServer {
    /// The sum of a metric over all its labels.
    func metric(_ name: String) async throws -> Int {
        let samples = try await get("/metrics").text.split(separator: "\n").filter {
            $0.hasPrefix("\(name) ") || $0.hasPrefix("\(name){")
        }
        try #require(!samples.isEmpty, "\(name)")
        return samples.compactMap { Double($0.split(separator: " ").last ?? "") }
            .reduce(0) { $0 + Int($1) }
    }
}
