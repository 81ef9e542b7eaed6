// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// This process among others: what it calls itself.
package struct Node: Sendable {
    /// Chosen at random at the start, so that a request that comes back is recognised.
    package let id: String
    package let version: String
    package let startedAt: Date

    package init(version: String) {
        id = String(UInt64.random(in: .min ... .max), radix: 36)
        self.version = version
        startedAt = Date()
    }
}
