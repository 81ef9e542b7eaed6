// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logging
import Synchronization

/// When objects were last used, on its way into the catalog.
///
/// Uses are written in batches, so that a read costs no write; a crash forgets the last few, which
/// makes eviction a little less exact and nothing else.
final class UseJournal: Sendable {
    /// A batch with this many uses is written.
    private static let maximumNotes = 1024
    /// A batch whose first use is this old is written.
    private static let maximumAgeMicroseconds: Int64 = 30_000_000

    private struct State {
        var lastTime: Int64
        var notes: [Int64: Int64] = [:]
        var firstNoteTime: Int64?
    }

    private let state: Mutex<State>
    /// Whose uses these are.
    private let kind: Kind

    enum Kind: String {
        case objects
        /// Paths in caches.
        case members
    }

    /// - Parameters:
    ///   - kind: Which rows of the catalog the notes are for.
    ///   - lastTime: The latest time in the catalog, in microseconds of Unix time.
    init(of kind: Kind, lastTime: Int64) {
        self.kind = kind
        state = Mutex(State(lastTime: lastTime))
    }

    /// The time in microseconds of Unix time, always later than the last answer: also when the clock
    /// stood still or was set back.
    func now() -> Int64 {
        state.withLock { Self.tick(&$0) }
    }

    func note(_ id: Int64, flushingWith catalog: any Catalog, _ logger: Logger) {
        if note(id) { flush(to: catalog, logger) }
    }

    /// Keeps a note for the next batch; never waits.
    ///
    /// - Returns: Whether the batch is due.
    func note(_ id: Int64) -> Bool {
        state.withLock { state in
            let time = Self.tick(&state)
            let first = state.firstNoteTime ?? time
            state.firstNoteTime = first
            state.notes[id] = time
            return state.notes.count >= Self.maximumNotes
                || time - first >= Self.maximumAgeMicroseconds
        }
    }

    func flush(to catalog: any Catalog, _ logger: Logger) {
        let notes = state.withLock { state in
            let notes = state.notes
            state.notes = [:]
            state.firstNoteTime = nil
            return notes
        }
        guard !notes.isEmpty else { return }
        do {
            switch kind {
            case .objects: try catalog.setUses(notes)
            case .members: try catalog.setMemberUses(notes)
            }
        } catch {
            logger.warning("cannot note the use of \(notes.count) \(kind.rawValue): \(error)")
        }
    }

    private static func tick(_ state: inout State) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
        state.lastTime = max(state.lastTime + 1, microseconds)
        return state.lastTime
    }
}
