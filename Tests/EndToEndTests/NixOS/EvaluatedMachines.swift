// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What a machine gets from its NixOS configuration, as `nix/tests/evaluate.nix` tells it.
struct EvaluatedMachine: Decodable, Sendable {
    struct Ports: Decodable, Sendable {
        let everywhere: [Int]
        let interfaces: [String: [Int]]
    }

    /// Assertions that do not hold.
    let complaints: [String]
    /// By name: `firn.service`.
    let units: [String: String]
    /// What lies below `/etc`.
    let files: [String: String]
    let variables: [String: String]
    let ports: Ports

    var configuration: String { files["firn/firn.toml"] ?? "" }
    var nixConf: String { files["nix/nix.conf"] ?? "" }

    /// All values of a key in a unit, in their order.
    func values(_ key: String, in unit: String) -> [String] {
        (units[unit] ?? "").split(separator: "\n").filter { $0.hasPrefix("\(key)=") }
            .map { String($0.dropFirst(key.count + 1)) }
    }
}

/// The Nix expressions of this repository, evaluated by the real Nix.
enum NixEvaluation {
    /// Why an expression has no value, as Nix says it.
    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    static let root = URL(filePath: #filePath).appending(path: "../../../..")
        .standardizedFileURL.path().dropLast()

    /// Where the machines have Firn; what is evaluated has the binary of these tests in its place.
    private static let installed = "/run/current-system/firn"

    /// Machines of a file below `nix/tests`, or of an expression.
    static func machines(
        _ expression: String,
        nixVersion: String = "2.34.1"
    ) async throws -> [String: EvaluatedMachine] {
        let call = """
            import \(root)/nix/tests/evaluate.nix {
              machines = \(expression);
              firn = "\(installed)";
              nixVersion = "\(nixVersion)";
            }
            """
        let text = String(decoding: try await evaluate(call), as: UTF8.self)
            .replacing("\(installed)/bin/firn", with: FirnServer.programme)
        return try JSONDecoder().decode([String: EvaluatedMachine].self, from: Data(text.utf8))
    }

    static func machine(_ module: String) async throws -> EvaluatedMachine {
        let machines = try await machines("{ it = \(module); }")
        return try #require(machines["it"])
    }

    /// The value as JSON; nothing is built, and no store is written.
    static func evaluate(_ expression: String) async throws -> [UInt8] {
        try await withTemporaryDirectory { directory in
            let words = [
                "--store", "dummy://", "--eval", "--strict", "--json", "--expr", expression,
            ]
            let command = Command(
                "nix-instantiate",
                words,
                environment: NixClient.isolatedEnvironment(home: directory.path)
            )
            let outcome = try await command.run(deadline: .seconds(60))
            guard outcome.status == 0 else { throw Refusal(description: outcome.errors) }
            return outcome.output
        }
    }
}
