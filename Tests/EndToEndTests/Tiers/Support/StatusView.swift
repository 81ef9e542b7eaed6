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
        let asksBack: Bool
        let failures: Int
        let deltas: Deltas?

        private enum CodingKeys: String, CodingKey {
            case name, state, failures, deltas
            case lastFailure = "last-failure"
            case isFirn = "is-firn"
            case asksBack = "asks-back"
        }
    }

    struct Deltas: Decodable {
        let used: Int
        let bytes: Int
        let ordinaryBytes: Int
        let failures: Int

        private enum CodingKeys: String, CodingKey {
            case used, bytes, failures
            case ordinaryBytes = "ordinary-bytes"
        }
    }

    struct Depot: Decodable {
        let location: String
        let objects: Int
        let maximumBytes: Int

        private enum CodingKeys: String, CodingKey {
            case location, objects
            case maximumBytes = "maximum-bytes"
        }
    }

    let tiers: [Tier]
    let depot: Depot?
}

/// What the tests read of `firn explain --json`.
struct ExplanationView: Decodable {
    struct Tier: Decodable {
        struct Live: Decodable {
            let outcome: String
            let reason: String?
            let took: Double?

            private enum CodingKeys: String, CodingKey {
                case outcome, reason
                case took = "took-ms"
            }
        }

        struct Memory: Decodable {
            let outcome: String
        }

        let name: String
        let note: String?
        let remembered: Memory?
        let live: Live
    }

    struct Delta: Decodable {
        let base: String?
        let bytes: Int?
        let ordinaryBytes: Int?
        let reason: String?

        private enum CodingKeys: String, CodingKey {
            case base, bytes, reason
            case ordinaryBytes = "ordinary-bytes"
        }
    }

    let tiers: [Tier]
    let delta: Delta?

    subscript(name: String) -> Tier? { tiers.first { $0.name == name } }
}

extension FirnServer {
    /// What it says about itself, as the command prints it.
    func status() async throws -> StatusView {
        let outcome = try await firn(["status", "--json"]).requireSuccess()
        return try JSONDecoder().decode(StatusView.self, from: Data(outcome.output))
    }

    /// What it explains about a path, as the command prints it in JSON.
    func explanation(of path: String) async throws -> ExplanationView {
        let outcome = try await firn(["explain", "--json", path])
        return try JSONDecoder().decode(ExplanationView.self, from: Data(outcome.output))
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
