// SPDX-License-Identifier: Apache-2.0
import NixFormat
import Synchronization

/// Tells of the bytes of one request as they leave, and takes them back when it fails.
struct SendCounter: Sendable {
    let path: StorePath
    let onEvent: @Sendable (PushEvent) -> Void

    func run<Value: Sendable>(
        _ request: (@escaping @Sendable (Int) -> Void) async throws -> Value
    ) async throws -> Value {
        let counted = Counter()
        do {
            return try await request { [path, onEvent] bytes in
                counted.bytes.withLock { $0 += bytes }
                onEvent(.sent(path, fileBytes: bytes))
            }
        } catch {
            // They will leave again.
            onEvent(.sent(path, fileBytes: -counted.bytes.withLock { $0 }))
            throw error
        }
    }

    private final class Counter: Sendable {
        let bytes = Mutex(0)
    }
}
