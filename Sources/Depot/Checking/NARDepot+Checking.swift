// SPDX-License-Identifier: Apache-2.0
import Caches
import NixFormat

extension NARDepot {
    /// Holds objects, narinfos and catalog against each other, and every object against its hash.
    ///
    /// May be called at any moment, beside everything else; what comes or goes meanwhile is not
    /// checked. Opening the depot has already done its own part, see ``NARDepot/opening``.
    ///
    /// A damaged object is removed rather than kept aside: aside it would take room from good ones,
    /// and what is good can be fetched or made again.
    ///
    /// - Parameters:
    ///   - isRepairing: Whether to do about each finding what ``DepotFinding/Kind/repair`` says.
    ///   - verify: Whether an object holds the NAR in its name. `nil` leaves that to the file hash.
    ///     Throws only when it cannot know, which ends the check.
    ///   - narSizeBytes: The size of the NAR in an object, as far as that can be told without unpacking
    ///     all of it; `nil` leaves the sizes in narinfos alone.
    ///   - onFinding: Called with each finding, after its repair.
    /// - Returns: What was looked at.
    /// - Throws: What the two closures throw, or the failure of a file or the catalog. Repairs that
    ///   were made stay made.
    package func check(
        isRepairing: Bool,
        verify: ((OpenObject) throws -> Bool)? = nil,
        narSizeBytes: ((OpenObject) throws -> UInt64?)? = nil,
        onFinding: (DepotFinding) throws -> Void
    ) throws -> DepotCheckSummary {
        try withoutActuallyEscaping(onFinding) { onFinding in
            let check = DepotCheck(
                depot: self,
                isRepairing: isRepairing,
                verify: verify,
                narSizeBytes: narSizeBytes,
                onFinding: onFinding
            )
            try check.run()
            return check.summary
        }
    }
}

/// One walk through everything.
final class DepotCheck {
    let depot: NARDepot
    let isRepairing: Bool
    let verify: ((OpenObject) throws -> Bool)?
    let narSizeBytes: ((OpenObject) throws -> UInt64?)?
    let onFinding: (DepotFinding) throws -> Void
    var summary = DepotCheckSummary()
    /// Of the caches that are registered.
    var publicKeys: [CacheName: PublicKey] = [:]

    init(
        depot: NARDepot,
        isRepairing: Bool,
        verify: ((OpenObject) throws -> Bool)?,
        narSizeBytes: ((OpenObject) throws -> UInt64?)?,
        onFinding: @escaping (DepotFinding) throws -> Void
    ) {
        self.depot = depot
        self.isRepairing = isRepairing
        self.verify = verify
        self.narSizeBytes = narSizeBytes
        self.onFinding = onFinding
    }

    func run() throws {
        publicKeys = Dictionary(
            uniqueKeysWithValues: try depot.registry.listCaches().map { ($0.name, $0.publicKey) }
        )
        try depot.objects.forEachName { name in
            switch name {
            case .object(let key): try check(key)
            case .text(.narInfo(let hash)): try check(narInfo: hash)
            case .text(.ofCache(let cache, .narInfo(let hash))):
                try check(member: hash, of: cache)
            case .text(.cacheInfo), .text(.ofCache): break
            case .leftover(let path): try found(.leftover, path) { try depot.removeLeftover(path) }
            case .foreign(let path): try found(.foreignFile, path)
            }
        }
        try checkRows()
        try checkMemberRows()
    }

    func found(
        _ kind: DepotFinding.Kind,
        _ name: String,
        repair: () throws -> Bool = { false }
    ) throws {
        let isRepaired = try isRepairing && kind.isDefect && repair()
        if kind.isDefect { summary.defects += 1 }
        if isRepaired { summary.repaired += 1 }
        try onFinding(DepotFinding(kind: kind, name: name, isRepaired: isRepaired))
    }

    private func checkRows() throws {
        var last: ObjectKey?
        while true {
            let page = try depot.catalog.list(after: last, limit: 1000)
            for entry in page where try depot.objects.find(entry.key) == nil {
                // Gone from both is gone.
                guard try depot.catalog.find(entry.key)?.id == entry.id else { continue }
                try found(.missingObject, "nar/\(entry.key)") {
                    try depot.depart([entry], evenIfOpen: true).count == 1
                }
            }
            guard let end = page.last else { return }
            last = end.key
        }
    }
}
