// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

extension PushSuites {
    /// What a person sees of a push.
    @Suite struct PushDisplayTests {
        private let source: PushSource

        init() throws {
            source = try PushSource.prepared()
        }

        /// What a terminal gets, by util-linux's `script`.
        private func onTerminal(environment: [String: String]) async throws -> String {
            let fault: CachixStandIn.Faults = { call, _ in
                call.target.contains("/complete") ? .delay(.milliseconds(300)) : nil
            }
            return try await CachixStandIn.run(try PushSource.settings(), fault: fault) { server in
                let push = source.pushCommand(to: server, [source.top])
                let line = ([push.program] + push.arguments).joined(separator: " ")
                var command = Command("script", ["-qefc", line, "/dev/null"])
                command.environment = push.environment
                command.environment["TERM"] = "xterm"
                command.environment.merge(environment) { $1 }
                let outcome = try await command.run(deadline: .seconds(60)).requireSuccess()
                #expect(server.completed.count == source.paths.count)
                return outcome.text
            }
        }

        @Test func aTerminalHasBarsThatGoWhenAllIsSent() async throws {
            let text = try await onTerminal(environment: [:])
            #expect(text.contains(/\[#*-*\] \d+\/\d+ paths, .* read, .* sent \(.*\/s\)/))
            #expect(text.contains("\u{1B}["))
            let last = try #require(text.split(separator: "\u{1B}[J").last)
            #expect(last.contains("sent \(source.paths.count) of \(source.paths.count) paths"))
            #expect(!last.contains("[#"))
        }

        @Test func aTerminalOfACIJobHasPlainLines() async throws {
            let text = try await onTerminal(environment: ["CI": "true"])
            #expect(!text.contains("\u{1B}["))
            #expect(text.contains("[1/\(source.paths.count)] /nix/store/"))
        }
    }
}
