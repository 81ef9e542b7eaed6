// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What it comes to when paths of a cache are to go because somebody says so.
///
/// All of them go, or none: what is in the way of one is told.
package struct MemberDeparture: Hashable, Sendable {
    /// What goes, or would; what refers to another comes first.
    package var leaving: [MemberEntry] = []
    /// What is in the way, in the order of the hashes' text.
    package var obstacles: [Obstacle] = []
    /// What was asked for and is not there.
    package var absent: Set<StorePathHash> = []

    /// How far it goes.
    package struct Options: OptionSet, Hashable, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// What refers to a path goes as well.
        package static let withReferrers = Options(rawValue: 1)
        /// Pins are in nobody's way.
        package static let evenIfPinned = Options(rawValue: 2)
        /// It is only told what would go.
        package static let planOnly = Options(rawValue: 4)
    }

    /// Why a path stays.
    package struct Obstacle: Hashable, Sendable {
        package var hash: StorePathHash
        /// Paths of the cache that refer to it and would stay, those that are just coming included.
        package var referrers: Set<StorePathHash> = []
        /// Names of pins that mean it.
        package var pins: [String] = []

        package init(hash: StorePathHash) { self.hash = hash }
    }

    package var isPossible: Bool { obstacles.isEmpty && absent.isEmpty }

    /// Looks at a cache, in one transaction.
    ///
    /// - Parameters:
    ///   - hashes: What is to go.
    ///   - options: Whether it is a plan is not looked at here.
    ///   - pins: The cache's, with what each still keeps.
    ///   - find: The row of a path, in whatever state.
    ///   - referrers: The paths that refer to one, without itself and those that are departing.
    package init(
        of hashes: Set<StorePathHash>,
        _ options: Options,
        pins: [(name: String, paths: Set<StorePathHash>)],
        find: (StorePathHash) throws -> MemberEntry?,
        referrers: (StorePathHash) throws -> Set<StorePathHash>
    ) rethrows {
        var found: [StorePathHash: (entry: MemberEntry, referrers: Set<StorePathHash>)] = [:]
        var obstacles: [StorePathHash: Obstacle] = [:]
        var waiting = Array(hashes)
        while let hash = waiting.popLast() {
            guard found[hash] == nil else { continue }
            guard let entry = try find(hash), entry.state == .present else {
                // One that refers to what goes and is just coming is told of there.
                if hashes.contains(hash) { absent.insert(hash) }
                continue
            }
            let above = try referrers(hash)
            found[hash] = (entry, above)
            if options.contains(.withReferrers) { waiting += above }
            guard !options.contains(.evenIfPinned) else { continue }
            let names = pins.filter { $0.paths.contains(hash) }.map(\.name)
            if !names.isEmpty { obstacles[hash, default: Obstacle(hash: hash)].pins = names }
        }
        for (hash, (_, above)) in found {
            let staying = above.filter { found[$0] == nil }
            guard !staying.isEmpty else { continue }
            obstacles[hash, default: Obstacle(hash: hash)].referrers = staying
        }
        self.obstacles = obstacles.values.sorted { "\($0.hash)" < "\($1.hash)" }
        leaving = Self.referrersFirst(found)
    }

    /// Without recursion, since chains can be long.
    private static func referrersFirst(
        _ found: [StorePathHash: (entry: MemberEntry, referrers: Set<StorePathHash>)]
    ) -> [MemberEntry] {
        var ordered: [MemberEntry] = []
        var visited: Set<StorePathHash> = []
        for start in found.keys.sorted(by: { "\($0)" < "\($1)" }) {
            var stack = [(hash: start, isDone: false)]
            while let (hash, isDone) = stack.popLast() {
                guard let (entry, referrers) = found[hash] else { continue }
                if isDone {
                    ordered.append(entry)
                } else if visited.insert(hash).inserted {
                    stack.append((hash, true))
                    stack += referrers.filter { !visited.contains($0) }.map { ($0, false) }
                }
            }
        }
        return ordered
    }
}
