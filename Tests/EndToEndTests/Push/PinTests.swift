// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

extension PushSuites {
    @Suite struct PinTests {
        private let source: PushSource

        init() throws {
            source = try PushSource.prepared()
        }

        private func pin(
            _ server: CachixStandIn,
            _ arguments: [String]
        ) async throws -> CommandOutcome {
            var command = source.pushCommand(to: server, [])
            command.arguments[0] = "pin"
            command.arguments += arguments
            return try await command.run(deadline: .seconds(30))
        }

        @Test func aPathThatTheCacheHasIsPinned() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                try await source.push(to: server, [source.lone]).requireSuccess()
                let cases: [(arguments: [String], keep: String)] = [
                    ([], "<null>"), (["--keep-days", "7"], "Days 7"),
                    (["--keep-revisions", "3"], "Revisions 3"), (["--keep-forever"], "Forever"),
                ]
                for (arguments, keep) in cases {
                    try await pin(server, ["release", source.lone] + arguments).requireSuccess()
                    #expect(server.pins.last == "release \(source.lone) \(keep)")
                }
                #expect(server.complaints == [])
            }
        }

        @Test func whatIsNotInTheCacheIsNotPinned() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                let outcome = try await pin(server, ["release", source.lone])
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("answered 404: no such path"))
                #expect(server.pins == [])
            }
        }

        @Test func wrongUseIsSaidSo() async throws {
            try await CachixStandIn.run(try PushSource.settings()) { server in
                let both = ["--keep-days", "1", "--keep-forever"]
                let cases = [both, ["--keep-days", "0"], ["--keep-revisions", "x"]]
                for arguments in cases {
                    let outcome = try await pin(server, ["release", source.lone] + arguments)
                    #expect(outcome.status == 2)
                }
                #expect(server.calls.isEmpty)
            }
        }
    }
}
