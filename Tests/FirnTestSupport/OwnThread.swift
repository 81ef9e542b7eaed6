// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Runs blocking work on a thread of its own, since async code has only as many as there are cores.
package func onOwnThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
    }
}
