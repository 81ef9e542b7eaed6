// SPDX-License-Identifier: Apache-2.0

extension FirnServer {
    /// Gets the NARs of these paths once, and waits until their narinfos offer `.nar.zst`.
    package func compressAhead(_ paths: [String], within limit: Duration) async throws {
        for path in paths where try await narInfo(of: path)["Compression"] == "none" {
            _ = try await get(try await narTarget(of: path))
        }
        let end = ContinuousClock.now + limit
        for path in paths {
            let left = end - ContinuousClock.now
            try await wait(for: "zstd form of \(path)", within: left) {
                try await narInfo(of: path)["Compression"] == "zstd"
            }
        }
    }
}
