// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation
import NixFormat

/// Evaluates configurations with this machine's Nix, no more at a time than there is memory for.
package struct Evaluator: Sendable {
    private let budget: EvaluationBudget
    private let deadline: Duration
    private let store = StoreDirectory.standard

    package init(memoryBytes: UInt64, deadline: Duration = .seconds(1_800)) {
        budget = EvaluationBudget(memoryBytes: memoryBytes)
        self.deadline = deadline
    }

    /// What a source evaluates to; its derivation is then in the store of this machine.
    ///
    /// - Throws: ``EvaluationFailure``, or `CancellationError`.
    package func evaluate(
        _ source: SystemSource,
        onLine: (@Sendable (RemoteLine) -> Void)? = nil
    ) async throws -> WantedSystem {
        var words = NixWords.command("eval")
        switch source {
        case .storePath(let path): return WantedSystem(path: path)
        case .flake(let reference, let attribute):
            words += ["\(reference)#\(attribute)", "--no-eval-cache"]
        case .file(let path, let attribute):
            words += ["--file", path] + (attribute.map { [$0] } ?? [])
        }
        var command = LocalCommand(
            words + ["--json", "--apply", Self.application],
            deadline: deadline
        )
        command.environment = NixWords.environment
        command.onLine = onLine
        let ready = command
        let answer = try await budget.withRoom {
            let first = try await Self.run(ready)
            return Self.hasLostRace(first) ? try await Self.run(ready) : first
        }
        guard answer.exitCode == 0 else {
            throw EvaluationFailure.doesNotEvaluate(NixErrorText(answer.errors).description)
        }
        var wanted = try read(answer.output)
        wanted.lineage = await LineageReader().lineage(of: source)
        return wanted
    }

    private static func run(_ command: LocalCommand) async throws -> RemoteAnswer {
        do {
            return try await command.run()
        } catch LocalCommand.Failure.timedOut(_, let time) {
            throw EvaluationFailure.timedOut(after: time)
        } catch let failure as LocalCommand.Failure {
            throw EvaluationFailure.noNix("\(failure)")
        }
    }

    /// Where Nix is used for the first time, several at once make its folders, and all but one of them fail.
    package static func hasLostRace(_ answer: RemoteAnswer) -> Bool {
        guard answer.exitCode != 0 else { return false }
        let said = NixErrorText(answer.errors).text
        return said.contains("/gcroots/profiles") && said.hasSuffix("File exists")
    }

    /// `outPath` by another name: a set that has one is written as that alone.
    ///
    /// What a system is for is what its packages are for; the derivation's own `system` is where it is
    /// built, which is another one where it is cross-compiled.
    private static let application = """
        system: { derivation = system.drvPath or ""; output = system.outPath or "${system}"; \
        kind = system.stdenv.hostPlatform.system or ""; }
        """

    private struct Answer: Decodable {
        let derivation: String
        let output: String
        let kind: String
    }

    private func read(_ output: [UInt8]) throws -> WantedSystem {
        guard let answer = try? FirnJSON.parse(output, as: Answer.self),
            let path = try? store.storePath(parsing: answer.output)
        else {
            let text = String(decoding: output.prefix(200), as: UTF8.self)
            throw EvaluationFailure.notASystem(text.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return WantedSystem(
            path: path,
            derivation: try? store.storePath(parsing: answer.derivation),
            system: answer.kind.isEmpty ? nil : answer.kind
        )
    }
}

/// What Nix says of an error, cut down to what a person has to know.
///
/// Older versions begin with the error and add a trace; newer ones end with it.
package struct NixErrorText: Sendable, CustomStringConvertible {
    package let text: String
    /// `FILE:LINE:COLUMN`, of the place that is nearest to the error; `nil` where none is told.
    package let place: String?

    /// The error and where it is.
    package var description: String { place.map { "\(text) (at \($0))" } ?? text }

    private static let mostLines = 4
    private static let ended = ": unexpected end-of-file"

    package init(_ errors: [UInt8]) {
        let lines = String(decoding: errors, as: UTF8.self).split(whereSeparator: \.isNewline).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        // What the other end said before it ended tells more than that it has ended.
        let begins =
            lines.lastIndex { $0.hasPrefix("error: ") && $0.count > 7 && !$0.hasSuffix(Self.ended) }
            ?? lines.lastIndex { $0.hasPrefix("error: ") && $0.count > 7 }
        guard let begins else {
            text = lines.last { !$0.isEmpty } ?? "Nix says nothing"
            place = nil
            return
        }
        let rest = lines[begins...].dropFirst().prefix { line in
            !line.isEmpty && !line.hasPrefix("at ") && !line.hasPrefix("…") && !line.hasPrefix("(")
                && !line.hasPrefix("error:")
        }
        let first = String(lines[begins].dropFirst(7))
        text = ([first] + rest.prefix(Self.mostLines - 1)).joined(separator: " ")
        // Its own place stands right behind it; what led there stands before, the nearest last.
        let behind = lines[begins...].dropFirst(1 + rest.count).first.flatMap(Self.place)
        place =
            behind ?? lines[..<begins].lazy.reversed().compactMap(Self.place).first
            ?? lines[begins...].lazy.compactMap(Self.place).first
    }

    /// Reads `at FILE:LINE:COLUMN:`; of a flake's copy in the store the path inside is enough.
    private static func place(_ line: String) -> String? {
        guard let match = line.wholeMatch(of: /at (\/.+:\d+:\d+):?/) else { return nil }
        let place = String(match.1)
        guard let inside = place.firstMatch(of: /^\/nix\/store\/[^\/]+-source\/(.+)$/) else {
            return place
        }
        return String(inside.1)
    }
}
