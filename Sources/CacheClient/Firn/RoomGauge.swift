// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Synchronization

/// What a cache has room for, as far as this push knows: asked for again only where it may not be
/// enough.
final class RoomGauge: Sendable {
    private enum State {
        case unbounded
        case bounded(UInt64)
    }

    private let state = Mutex(State.unbounded)

    /// What the cache has said; `nil` where nothing bounds it.
    func set(_ room: UInt64?) {
        state.withLock { $0 = room.map { .bounded($0) } ?? .unbounded }
    }

    /// Counts bytes that are about to be sent.
    ///
    /// `ask`: Asks the cache whether so many fit; throws when they do not.
    func take(_ bytes: Int, ask: (UInt64) async throws -> UInt64?) async throws {
        let wanted = UInt64(bytes)
        let fits = state.withLock { state in
            guard case .bounded(let room) = state else { return true }
            guard wanted <= room else { return false }
            state = .bounded(room - wanted)
            return true
        }
        guard !fits else { return }
        let room = try await ask(wanted)
        set(room.map { $0 > wanted ? $0 - wanted : 0 })
    }
}
