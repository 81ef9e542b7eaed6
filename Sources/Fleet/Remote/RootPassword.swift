// SPDX-License-Identifier: Apache-2.0

/// The password for sudo, asked for at most once however many hosts want it at the same time.
package actor RootPassword {
    private let ask: @Sendable () async -> String?
    private var answer: Task<String?, Never>?

    /// `ask` returns `nil` where nobody can be asked, and soon when it is cancelled.
    package init(ask: @escaping @Sendable () async -> String?) {
        self.ask = ask
    }

    /// Nobody is asked.
    package static let none = RootPassword { nil }

    /// - Throws: `CancellationError`; the question is taken back then, since runs are cancelled as a whole.
    func get() async throws -> String? {
        let task = answer ?? Task { await ask() }
        answer = task
        let word = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        try Task.checkCancellation()
        return word
    }
}
