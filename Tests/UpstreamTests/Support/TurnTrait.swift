// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// Lets few tests of sockets and times run side by side, so that none is late for want of a processor.
struct TurnTrait: SuiteTrait, TestTrait, TestScoping {
    private static let turnstile = Turnstile(width: 3)

    var isRecursive: Bool { true }

    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        // A suite would wait here for the tests inside it.
        guard testCase != nil else { return try await function() }
        try await Self.turnstile.pass { try await function() }
    }
}

extension Trait where Self == TurnTrait {
    /// Runs when few others do.
    static var inTurn: Self { TurnTrait() }
}
