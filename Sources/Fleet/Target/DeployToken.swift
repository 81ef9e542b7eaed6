// SPDX-License-Identifier: Apache-2.0

/// What tells one deploy of one host from every other, also from one of the same system.
///
/// It names the deploy's folder on the target, and whoever confirms must know it.
///
/// - Shape: 8 to 64 of `[a-z0-9]`; one of ours has 20.
package struct DeployToken: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// A token that nobody had before.
    package init() {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        description = String((0..<20).map { _ in letters[Int.random(in: letters.indices)] })
    }

    /// - Returns: `nil` when the text is none.
    package init?(parsing text: some StringProtocol) {
        let isToken = text.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0)
        }
        guard isToken, (8...64).contains(text.utf8.count) else { return nil }
        description = String(text)
    }
}
