// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What a depot whose objects lie elsewhere may keep on this machine: spools, uploads that may go on,
/// and objects on their way up.
package final class LocalRoom: Sendable {
    package let maximumBytes: UInt64
    private let state = Mutex(State())

    private struct State {
        var takenBytes: UInt64 = 0
        var partials: [PartialID: UInt64] = [:]
    }

    package init(maximumBytes: UInt64) { self.maximumBytes = maximumBytes }

    /// What is taken now.
    package var takenBytes: UInt64 { state.withLock { $0.takenBytes } }

    /// - Throws: `DepotError.full(neededBytes:maximumSizeBytes:)`; nothing is taken then.
    func take(_ bytes: UInt64) throws(DepotError) {
        let isFull = state.withLock { state in
            guard bytes <= maximumBytes, state.takenBytes <= maximumBytes - bytes else {
                return true
            }
            state.takenBytes += bytes
            return false
        }
        if isFull { throw .full(neededBytes: bytes, maximumSizeBytes: maximumBytes) }
    }

    func give(_ bytes: UInt64) {
        state.withLock { $0.takenBytes -= min(bytes, $0.takenBytes) }
    }

    /// Takes what an upload needs in addition to reach a size.
    func take(upTo sizeBytes: UInt64, for id: PartialID) throws(DepotError) {
        let isFull = state.withLock { state in
            let taken = state.partials[id] ?? 0
            guard sizeBytes > taken else { return false }
            let more = sizeBytes - taken
            guard more <= maximumBytes, state.takenBytes <= maximumBytes - more else { return true }
            state.takenBytes += more
            state.partials[id] = sizeBytes
            return false
        }
        if isFull { throw .full(neededBytes: sizeBytes, maximumSizeBytes: maximumBytes) }
    }

    /// Counts an upload of an earlier process, even past the bound: it is there.
    func adopt(_ id: PartialID, sizeBytes: UInt64) {
        state.withLock { state in
            guard state.partials[id] == nil else { return }
            state.partials[id] = sizeBytes
            state.takenBytes += sizeBytes
        }
    }

    func give(_ id: PartialID) {
        state.withLock { state in
            guard let taken = state.partials.removeValue(forKey: id) else { return }
            state.takenBytes -= min(taken, state.takenBytes)
        }
    }
}
