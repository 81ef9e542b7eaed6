// SPDX-License-Identifier: Apache-2.0
import Depot
import Synchronization

/// The depot's objects that were sent lately, kept open so that the next request needs no thread.
///
/// An object that is evicted meanwhile is still sent whole: its file lives until it is closed.
final class OpenObjects: Sendable {
    /// Descriptors held at most; connections need theirs too.
    private let maximumCount: Int

    private struct Slot {
        let file: FileContent
        var lastUse: UInt64
    }

    private struct State {
        var slots: [ObjectKey: Slot] = [:]
        var uses: UInt64 = 0
    }

    private let state = Mutex(State())

    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    func file(for key: ObjectKey) -> FileContent? {
        state.withLock { state in
            guard let index = state.slots.index(forKey: key) else { return nil }
            state.uses += 1
            state.slots.values[index].lastUse = state.uses
            return state.slots.values[index].file
        }
    }

    func keep(_ file: FileContent, for key: ObjectKey) {
        state.withLock { state in
            state.uses += 1
            if state.slots.count >= maximumCount { Self.dropOlderHalf(&state) }
            state.slots[key] = Slot(file: file, lastUse: state.uses)
        }
    }

    /// The depot evicts nothing that is open; what is only kept open for later must not stop it.
    func empty() { state.withLock { $0.slots = [:] } }

    private static func dropOlderHalf(_ state: inout State) {
        let uses = state.slots.values.map(\.lastUse).sorted()
        let median = uses[uses.count / 2]
        state.slots = state.slots.filter { $0.value.lastUse >= median }
    }
}
