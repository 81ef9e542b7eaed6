// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How many NARs are read from the store at once, and not more.
///
/// Each holds descriptors for the files ahead and for the directories above them. Beyond the limit a
/// client is told to come back, which is better than a process without descriptors.
final class OpenStreams: Sendable {
    struct Exhausted: Error {
        let maximumCount: Int
    }

    /// Counts until it is let go.
    final class Permit: Sendable {
        private let streams: OpenStreams

        fileprivate init(_ streams: OpenStreams) {
            self.streams = streams
        }

        deinit { streams.count.wrappingSubtract(1, ordering: .relaxed) }
    }

    private let maximumCount: Int
    private let count = Atomic<Int>(0)

    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    func admit() throws(CacheError) -> Permit {
        let now = count.wrappingAdd(1, ordering: .relaxed).newValue
        let permit = Permit(self)
        guard now <= maximumCount else {
            throw .storageUnavailable(Exhausted(maximumCount: maximumCount))
        }
        return permit
    }
}
