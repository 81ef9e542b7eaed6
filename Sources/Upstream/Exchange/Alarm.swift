// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Lets one task sleep until a moment, or until somebody rings.
final class Alarm: Sendable {
    private let stream: AsyncStream<Void>
    private let rings: AsyncStream<Void>.Continuation

    init() {
        // A ring that nobody waits for is kept for the next wait: one is as good as many.
        (stream, rings) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func ring() { rings.yield() }

    /// Returns at the moment, at the first ring since the last call, or when its task is cancelled.
    func wait(until moment: Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(until: moment, clock: .continuous) }
            group.addTask { [stream] in
                var iterator = stream.makeAsyncIterator()
                await iterator.next()
            }
            await group.next()
            group.cancelAll()
        }
    }
}
