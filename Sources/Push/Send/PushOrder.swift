// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// Which path may be done next: a path becomes visible after those that it refers to.
///
/// Paths are known by their place in the list, which has dependencies first. Sending bytes needs no
/// order, so that it never waits; only committing does.
struct PushOrder {
    private enum State: Equatable {
        case waiting
        case sending
        /// Its bytes are there; so many of its references are not visible.
        case staged(open: Int)
        case committing
        /// To be committed again, after a pause.
        case paused
        case done
        case failed
    }

    private var states: [State]
    private var dependants: [[Int]]
    private var references: [[Int]]
    private var nextToSendIndex = 0
    /// To be sent once more.
    private var again: [Int] = []
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
        while let place = again.popLast() {
            guard states[place] == .waiting else { continue }
            states[place] = .sending
            return place
        }
        while nextToSendIndex < states.count {
            defer { nextToSendIndex += 1 }
            guard states[nextToSendIndex] == .waiting else { continue }
            states[nextToSendIndex] = .sending
            return nextToSendIndex
        }
        return nil
    }

    /// The paths that may be committed together: their references are there, or stand before them.
    ///
    /// - Returns: At most so many, in the order in which they may become visible.
    mutating func nextToCommit(atMost limit: Int) -> [Int] {
        guard !isStopped, !ready.isEmpty else { return [] }
        var batch: [Int] = []
        // How many references are open when what is in the batch counts as there.
        var openBesides: [Int: Int] = [:]
        var line = ready
        ready = []
        var next = 0
        while next < line.count, batch.count < limit {
            let place = line[next]
            next += 1
            guard case .staged = states[place] else { continue }
            states[place] = .committing
            batch.append(place)
            for dependant in dependants[place] {
                guard case .staged(let open) = states[dependant] else { continue }
                let left = (openBesides[dependant] ?? open) - 1
                openBesides[dependant] = left
                if left == 0 { line.append(dependant) }
            }
        }
        // What needs none of the batch is as ready as it was.
        ready = line[next...].filter { states[$0] == .staged(open: 0) }
        return batch
    }

    /// Whether its bytes are still wanted.
    func isSending(_ place: Int) -> Bool { states[place] == .sending }

    /// The bytes of a path are there.
    ///
    /// - Returns: `false` when it cannot be committed any more.
    mutating func staged(_ place: Int) -> Bool {
        guard states[place] == .sending else { return false }
        stage(place)
        return true
    }

    /// Has a path sent once more whose bytes are not there after all.
    mutating func sendAgain(_ place: Int) {
        guard states[place] == .committing || states[place] == .sending else { return }
        states[place] = .waiting
        again.append(place)
    }

    /// A path is not visible yet because one that it refers to is not.
    ///
    /// - Returns: `false` when all that it refers to is; then nothing has changed.
    mutating func waitForReferences(_ place: Int) -> Bool {
        guard states[place] == .committing, openReferences(of: place) > 0 else { return false }
        stage(place)
        return true
    }

    /// Keeps a path from being committed until its pause has ended.
    mutating func pause(_ place: Int) {
        if states[place] == .committing { states[place] = .paused }
    }

    mutating func pauseEnded(_ place: Int) {
        if states[place] == .paused { stage(place) }
    }

    /// A path is visible.
    mutating func committed(_ place: Int) {
        states[place] = .done
        for dependant in dependants[place] {
            guard case .staged(let open) = states[dependant] else { continue }
            states[dependant] = .staged(open: open - 1)
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
            guard states[next] != .failed, states[next] != .done else { continue }
            states[next] = .failed
            fallen.append(next)
            open += dependants[next]
        }
        return fallen
    }

    /// Nothing more is begun.
    mutating func stop() { isStopped = true }

    private mutating func stage(_ place: Int) {
        let open = openReferences(of: place)
        states[place] = .staged(open: open)
        if open == 0 { ready.append(place) }
    }

    private func openReferences(of place: Int) -> Int {
        references[place].count { states[$0] != .done }
    }
}
