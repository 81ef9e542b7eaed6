// SPDX-License-Identifier: Apache-2.0

/// One thread that calls back when moments have passed.
///
/// Cheaper than a timer task a call: most deadlines are met, and then only a dictionary has
/// changed.
final class DeadlineWatch: Sendable {
    private struct Watches {
        var next: UInt64 = 0
        var all: [UInt64: (expiry: MonotonicInstant, action: @Sendable () -> Void)] = [:]
        /// When the thread will look next; later than any watch only for a moment.
        var wakeAt: MonotonicInstant?
        var isClosed = false
        var isRunning = false
    }

    private let watches = Monitor(Watches())

    /// Calls `action` on the watch's thread once `expiry` has passed, unless ``remove(_:)`` comes
    /// first.
    func add(_ expiry: MonotonicInstant, action: @escaping @Sendable () -> Void) -> UInt64 {
        let (id, mustWake, mustStart) = watches.withLock { watches in
            watches.next += 1
            watches.all[watches.next] = (expiry, action)
            let mustWake = watches.wakeAt.map { expiry < $0 } ?? true
            let mustStart = !watches.isRunning && !watches.isClosed
            watches.isRunning = watches.isRunning || mustStart
            return (watches.next, mustWake, mustStart)
        }
        if mustStart { start() }
        if mustWake { watches.signal() }
        return id
    }

    func remove(_ id: UInt64) {
        watches.withLock { _ = $0.all.removeValue(forKey: id) }
    }

    /// Everything that is still watched counts as expired, so that nobody waits for ever.
    func shutDown() {
        watches.withLock { $0.isClosed = true }
        watches.signal()
    }

    private func start() {
        Thread.start(name: "firn-deadlines") { [watches] in
            while let due = Self.nextDue(watches) {
                for action in due { action() }
            }
        }
    }

    /// - Returns: What has expired, or `nil` when the watch is closed and nothing is left.
    private static func nextDue(_ watches: Monitor<Watches>) -> [@Sendable () -> Void]? {
        func look(_ watches: inout Watches) -> [@Sendable () -> Void]?? {
            let now = MonotonicInstant.now
            let due = watches.all.filter { watches.isClosed || $0.value.expiry <= now }
            for id in due.keys { watches.all.removeValue(forKey: id) }
            watches.wakeAt = watches.all.values.lazy.map(\.expiry).min()
            if !due.isEmpty { return .some(due.values.map(\.action)) }
            if watches.isClosed {
                watches.isRunning = false
                return .some(nil)
            }
            return nil
        }
        return watches.wait(wakeAt: { $0.wakeAt }, until: look)
    }
}
