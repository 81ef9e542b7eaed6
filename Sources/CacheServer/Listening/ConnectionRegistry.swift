// SPDX-License-Identifier: Apache-2.0
import NIOCore
import Synchronization

/// The connections that are open: counted, limited, and closed when draining takes too long.
final class ConnectionRegistry: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let maximum: Int
    private let metrics: ServerMetrics

    init(maximum: Int, metrics: ServerMetrics) {
        self.maximum = maximum
        self.metrics = metrics
    }

    /// - Returns: False when there are too many already; the channel is then to be closed.
    func admit(_ channel: any Channel) -> Bool {
        let key = ObjectIdentifier(channel)
        let isAdmitted = channels.withLock { channels in
            guard channels.count < maximum else { return false }
            channels[key] = channel
            return true
        }
        guard isAdmitted else { return false }
        metrics.connectionOpened()
        channel.closeFuture.whenComplete { [self] _ in
            _ = channels.withLock { $0.removeValue(forKey: key) }
            metrics.connectionClosed()
        }
        return true
    }

    var count: Int { channels.withLock { $0.count } }

    /// Breaks off whatever is still being sent.
    func closeAll() {
        for channel in channels.withLock({ Array($0.values) }) { channel.close(promise: nil) }
    }
}
