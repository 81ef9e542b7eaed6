// SPDX-License-Identifier: Apache-2.0

/// A condition that did not come true in time.
package struct ConditionNotReached: Error, CustomStringConvertible {
    /// What was waited for, and for how long.
    package let description: String
}

/// Waits until a condition holds, looking again every few milliseconds.
///
/// - Throws: ``ConditionNotReached`` after `limit`, and at once what the condition throws.
package func wait(
    for what: String,
    within limit: Duration = .seconds(30),
    until condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw ConditionNotReached(description: "no \(what) within \(limit)")
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}
