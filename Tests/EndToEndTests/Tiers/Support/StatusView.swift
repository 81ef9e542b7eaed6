// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// What the tests read of `firn status --json`.
struct StatusView: Decodable {
    struct Tier: Decodable {
        let name: String
        let state: String
        let lastFailure: String?
        let isFirn: Bool

        private enum CodingKeys: String, CodingKey {
            case name, state
            case lastFailure = "last-failure"
            case isFirn = "is-firn"
        }
    }

    struct Depot: Decodable {
        let objects: Int
        let maximumBytes: Int

        private enum CodingKeys: String, CodingKey {
            case objects
            case maximumBytes = "maximum-bytes"
        }
    }

    let tiers: [Tier]
    let depot: Depot?
}

extension FirnServer {
    /// What it says about itself, as the command prints it.
    func status() async throws -> StatusView {
        let outcome = try await firn(["status", "--json"]).requireSuccess()
        return try JSONDecoder().decode(StatusView.self, from: Data(outcome.output))
    }

    /// Runs a command that asks this daemon.
    func firn(_ arguments: [String]) async throws -> CommandOutcome {
        var command = Command(Self.programme, arguments + ["--url", url])
        command.environment["HOME"] = "/nonexistent"
        return try await command.run(deadline: .seconds(30))
    }

    /// Asks for paths that nobody has until all tiers are known to be down.
    func waitUntilTiersAreDown() async throws {
        try await wait(for: "tiers to be known as down") {
            _ = try await narInfoStatus(of: .unknownPath())
            return try await status().tiers.allSatisfy { $0.state == "down" }
        }
    }
}

extension String {
    /// A store path that nobody has.
    static func unknownPath() -> String {
        let letters = Array("0123456789abcdfghijklmnpqrsvwxyz")
        let hash = String((0..<32).map { _ in letters[Int.random(in: 0..<32)] })
        return "/nix/store/\(hash)-unknown"
    }
}
