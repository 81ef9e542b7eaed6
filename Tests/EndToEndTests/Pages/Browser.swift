// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// A headless Chromium with nothing remembered.
struct Browser: Sendable {
    enum Scheme: Int, CaseIterable, Sendable { case dark, light }

    let directory: TemporaryDirectory

    /// The document when it has loaded, with what its script has done by then.
    func document(_ url: String) async throws -> String {
        try await run(["--dump-dom"], .light, url).text
    }

    /// A picture of the page; the bytes of a PNG.
    func picture(_ url: String, width: Int, height: Int, _ scheme: Scheme) async throws -> Data {
        let path = directory.path("picture-\(UInt32.random(in: 0 ... .max)).png")
        let size = "--window-size=\(width),\(height)"
        _ = try await run(["--screenshot=\(path)", size], scheme, url)
        return try Data(contentsOf: URL(filePath: path))
    }

    private func run(
        _ words: [String],
        _ scheme: Scheme,
        _ url: String
    ) async throws -> CommandOutcome {
        let profile = directory.path("profile-\(UInt32.random(in: 0 ... .max))")
        var command = Command(
            "chromium",
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--hide-scrollbars", "--no-first-run", "--no-proxy-server",
                "--blink-settings=preferredColorScheme=\(scheme.rawValue)",
                "--user-data-dir=\(profile)",
            ] + words + [url]
        )
        command.environment["HOME"] = directory.path
        return try await command.run(deadline: .seconds(120)).requireSuccess()
    }
}
