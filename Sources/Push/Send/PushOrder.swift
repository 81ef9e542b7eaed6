// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// Which path may be done next: a narinfo comes after the narinfos that it refers to.
///
/// Paths are known by their place in the list, which has dependencies first. Sending bytes needs no
/// order, so that it never waits; only completing does.
struct PushOrder {
    private enum State: Equatable {
        case waiting
        case sending
        /// Its bytes are there; so many of its references are not.
        case sent(open: Int)
        case completing
        case done
        case failed
    }

    private var states: [State]
    private var dependants: [[Int]]
    private var references: [[Int]]
    private var nextToSendIndex = 0
    private var ready: [Int] = []
    private(set) var isStopped = false

    init(_ paths: [PathInfo]) {
        let places = Dictionary(
            paths.enumerated().map { ($1.path.hash, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        states = Array(repeating: .waiting, count: paths.count)
        dependants = Array(repeating: [], count: paths.count)
        references = Array(repeating: [], count: paths.count)
        for (place, info) in paths.enumerated() {
            for reference in info.references {
                guard let other = places[reference.hash], other != place else { continue }
                references[place].append(other)
                dependants[other].append(place)
            }
        }
    }

    /// The next path whose bytes are to be sent; `nil` when there is none left.
    mutating func nextToSend() -> Int? {
        guard !isStopped else { return nil }
        while nextToSendIndex < states.count {
            defer { nextToSendIndex += 1 }
            guard states[nextToSendIndex] == .waiting else { continue }
            states[nextToSendIndex] = .sending
            return nextToSendIndex
        }
        return nil
    }

    /// The next path whose references are all there.
    mutating func nextToComplete() -> Int? {
        guard !isStopped, let place = ready.popLast() else { return nil }
        states[place] = .completing
        return place
    }

    /// The bytes of a path are there.
    ///
    /// - Returns: `false` when it cannot be completed any more.
    mutating func sent(_ place: Int) -> Bool {
        guard states[place] == .sending else { return false }
        let open = references[place].count { states[$0] != .done }
        states[place] = .sent(open: open)
        if open == 0 { ready.append(place) }
        return true
    }

    mutating func completed(_ place: Int) {
        states[place] = .done
        for dependant in dependants[place] {
            guard case .sent(let open) = states[dependant] else { continue }
            states[dependant] = .sent(open: open - 1)
            if open == 1 { ready.append(dependant) }
        }
    }

    /// A path has failed, and with it all that need it.
    ///
    /// - Returns: Those others that had not failed before.
    mutating func failed(_ place: Int) -> [Int] {
        states[place] = .failed
        var fallen: [Int] = []
        var open = dependants[place]
        while let next = open.popLast() {
            guard states[next] != .failed else { continue }
            states[next] = .failed
            fallen.append(next)
            open += dependants[next]
        }
        return fallen
    }

    /// Nothing more is begun.
    mutating func stop() { isStopped = true }
}
