// SPDX-License-Identifier: Apache-2.0
import Caches
import Depot
import NixFormat
import Synchronization

/// What was answered of named caches lately, for as long as it is certain to be so still.
///
/// Everything is kept with the count of changes that was read before it was looked up, and is
/// forgotten when the depot counts another one. Only what is there is kept, never what is not.
final class NamedMemory: Sendable {
    /// A path's narinfo.
    struct Member: Sendable {
        let row: Int64
        let answer: NARInfoAnswer
    }

    /// An object that a path names, kept open.
    struct Object: Sendable {
        let row: Int64
        let file: FileContent
    }

    /// How often something has changed, read before what is remembered was looked up.
    struct Moment: Sendable, Equatable {
        let registrations: UInt64
        let departures: UInt64
    }

    private struct Place<Item: Hashable & Sendable>: Hashable {
        let cache: CacheName
        let item: Item
    }

    private struct State {
        var registrations: UInt64 = 0
        var departures: UInt64 = 0
        /// By name, as it stands in a target.
        var caches: [String: NamedCache] = [:]
        var tokens: [TokenDigest: AccessToken] = [:]
        var members = Halves<Place<StorePathHash>, Member>(maximumCount: maximumMembers)
        var objects: Halves<Place<ObjectKey>, Object>
    }

    /// In each half; a narinfo takes about three kilobytes, with the head of its answer.
    private static let maximumMembers = 4_000
    private static let maximumTokens = 1_000

    private let changes: DepotChanges
    private let state: Mutex<State>

    /// `maximumObjects`: Each is a descriptor.
    init(_ changes: DepotChanges, maximumObjects: Int) {
        self.changes = changes
        state = Mutex(State(objects: Halves(maximumCount: max(1, maximumObjects / 2))))
    }

    /// To be read before anything is looked up that is to be remembered.
    var now: Moment {
        Moment(registrations: changes.registrations, departures: changes.departures)
    }

    func token(_ digest: TokenDigest) -> AccessToken? {
        withState { $0.tokens[digest] }
    }

    func cache(_ name: String) -> NamedCache? {
        withState { $0.caches[name] }
    }

    func member(_ hash: StorePathHash, of cache: CacheName) -> Member? {
        withState { $0.members.find(Place(cache: cache, item: hash)) }
    }

    func object(_ key: ObjectKey, of cache: CacheName) -> Object? {
        withState { $0.objects.find(Place(cache: cache, item: key)) }
    }

    func remember(_ token: AccessToken, since moment: Moment) {
        withState { state in
            guard state.registrations == moment.registrations else { return }
            if state.tokens.count >= Self.maximumTokens { state.tokens = [:] }
            state.tokens[token.digest] = token
        }
    }

    func remember(_ cache: NamedCache, since moment: Moment) {
        withState { state in
            guard state.registrations == moment.registrations else { return }
            state.caches["\(cache.name)"] = cache
        }
    }

    func remember(
        _ member: Member,
        _ hash: StorePathHash,
        of cache: CacheName,
        since moment: Moment
    ) {
        withState { state in
            guard state.departures == moment.departures else { return }
            state.members.insert(member, for: Place(cache: cache, item: hash))
        }
    }

    func remember(
        _ object: Object,
        _ key: ObjectKey,
        of cache: CacheName,
        since moment: Moment
    ) {
        withState { state in
            guard state.departures == moment.departures else { return }
            state.objects.insert(object, for: Place(cache: cache, item: key))
        }
    }

    /// Closes files of paths that went; otherwise that waits until somebody asks.
    func forgetDepartures() { withState { _ in } }

    private func withState<Value>(_ body: (inout sending State) -> Value) -> Value {
        state.withLock { state in
            let now = now
            if state.registrations != now.registrations {
                state.registrations = now.registrations
                state.caches = [:]
                state.tokens = [:]
            }
            if state.departures != now.departures {
                state.departures = now.departures
                state.members.removeAll()
                state.objects.removeAll()
            }
            return body(&state)
        }
    }
}
