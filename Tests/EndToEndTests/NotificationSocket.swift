// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Synchronization

/// A service manager's end of `NOTIFY_SOCKET`.
final class NotificationSocket: Sendable {
    private let lines = Mutex<Set<String>>([])
    private let socket: StreamSocket

    init(path: String) throws {
        socket = try StreamSocket.bindDatagrams(unixPath: path)
        Thread.detachNewThread { [weak self, socket] in
            while let message = try? socket.read(), let self {
                let text = String(decoding: message, as: UTF8.self)
                self.lines.withLock { $0.formUnion(text.split(separator: "\n").map(String.init)) }
            }
        }
    }

    deinit { socket.cut() }

    /// All assignments that have come so far.
    var received: Set<String> { lines.withLock { $0 } }
}
