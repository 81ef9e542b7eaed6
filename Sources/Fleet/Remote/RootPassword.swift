// SPDX-License-Identifier: Apache-2.0

/// The password for sudo, asked for at most once however many hosts want it at the same time.
package actor RootPassword {
    private let ask: @Sendable () async -> String?
    private var answer: Task<String?, Never>?

    /// `ask` returns `nil` where nobody can be asked.
    package init(ask: @escaping @Sendable () async -> String?) {
        self.ask = ask
    }

    /// Nobody is asked.
    package static let none = RootPassword { nil }

    func get() async -> String? {
        if let answer { return await answer.value }
        // All who ask from now on wait for the same answer, whoever of them gives up.
        let task = Task { await ask() }
        answer = task
        return await task.value
    }
}
