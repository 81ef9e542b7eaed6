// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The right to send a queue, held by one process; its end gives it back, however it comes.
package final class QueueLock: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// - Returns: `nil` while somebody else sends.
    /// - Throws: ``PushQueue/Failure``.
    package static func take(_ queue: PushQueue) throws(PushQueue.Failure) -> QueueLock? {
        let path = "\(queue.directory)/lock"
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw PushQueue.Failure(path: path, code: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw PushQueue.Failure(path: path, code: code) }
            return nil
        }
        return QueueLock(descriptor)
    }
}
