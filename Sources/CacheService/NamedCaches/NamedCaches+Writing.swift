// SPDX-License-Identifier: Apache-2.0
package import Caches
import Compression
import Depot
import Logging
import NixFormat
import NixStore
import Synchronization

extension NamedCaches {
    private static let maximumNARInfoBytes = 1 << 20
    private static let maximumTextBytes = 16 << 20

    /// Decides by the head of a request whether its body is taken, and where it goes.
    ///
    /// `lengthBytes` is what the body is said to have, `nil` when that is not said.
    ///
    /// - Throws: ``CacheError``, before anything of the body was read.
    package func accept(
        _ item: CacheItem,
        into name: CacheName,
        by visitor: Visitor,
        lengthBytes: UInt64?
    ) async throws -> any BodySink {
        let pusher = try await pusher(of: name, visitor)
        let (cache, principal) = (pusher.cache, pusher.principal)
        switch item {
        case .sentNAR(let sent):
            return try await countingRefusals(of: name) {
                try await acceptNAR(sent, cache, principal, lengthBytes)
            }
        case .narInfo(let hash):
            return TextSink(maximumBytes: Self.maximumNARInfoBytes) { [self] text in
                try await countingRefusals(of: name) {
                    try await take(text, of: hash, into: cache, principal)
                }
            }
        case .listing, .log, .realisation, .buildTrace:
            guard let extra = item.extra else { throw CacheError.notFound }
            return TextSink(maximumBytes: Self.maximumTextBytes) { [self] text in
                try await take(text, as: extra, into: cache)
            }
        case .nar:
            throw CacheError.malformed("a NAR is sent as nar/FILEHASH.nar, .nar.xz and so on")
        case .cacheInfo, .closure, .deltas:
            throw CacheError.malformed("this is the server's to say")
        }
    }

    private func acceptNAR(
        _ name: SentNARName,
        _ cache: NamedCache,
        _ principal: Principal,
        _ lengthBytes: UInt64?
    ) async throws -> any BodySink {
        guard name.compression.canBeUnpacked else {
            throw CacheError.malformed(
                "a NAR compressed with \(name.compression) is not taken; use zstd, xz, bzip2 or none"
            )
        }
        if let maximum = cache.settings.maximumNARBytes, let lengthBytes,
            lengthBytes > Self.mostBytes(ofFileFor: maximum)
        {
            throw CacheError.tooLarge(
                "cache \(cache.name) takes NARs of up to \(maximum) bytes (max-nar-size)"
            )
        }
        staged.dropOverdue()
        let share = try await takeShare(of: cache, lengthBytes ?? 0)
        let slot = try await slots.take()
        return try await asking { [self] depot in
            let pending = try depot.beginUpload(
                as: configuration.form,
                expectedBytes: lengthBytes ?? 0
            )
            return try NARUpload(
                .init(cache: cache.name, principal: principal, name: .file(name)),
                to: cache,
                packedWith: name.compression,
                expecting: name.fileHash,
                into: pending,
                share,
                slot,
                for: self
            )
        }
    }

    /// Takes room in a cache's quota, said before any byte is read.
    func takeShare(of cache: NamedCache, _ sizeBytes: UInt64) async throws -> QuotaShare {
        guard let quota = cache.settings.quotaBytes else {
            guard let share = shares.take(sizeBytes, of: cache.name, leaving: nil) else {
                preconditionFailure("there is always room without a bound")
            }
            return share
        }
        var used: UInt64 = 0
        for attempt in 0..<2 {
            used = try await asking { try $0.usage(of: cache.name).sizeBytes }
            let left = quota > used ? quota - used : 0
            if let share = shares.take(sizeBytes, of: cache.name, leaving: left) { return share }
            guard attempt == 0, sizeBytes <= quota else { break }
            try await makeRoom(in: cache, sizeBytes + shares.sizeBytes(of: cache.name))
        }
        throw CacheError.noRoom(
            "cache \(cache.name) holds \(used) of its quota of \(quota) bytes, and this has"
                + " \(sizeBytes)"
        )
    }

    // MARK: Texts

    /// Puts a path into the cache, if its narinfo is true of the NAR that was sent.
    private func take(
        _ text: [UInt8],
        of hash: StorePathHash,
        into cache: NamedCache,
        _ principal: Principal
    ) async throws {
        let check = NARInfoCheckIn(directory: depot.configuration.storeDirectory)
        let (narInfo, sent) = try check.parse(text, of: hash)
        let key = StagedNARs.Key(cache: cache.name, principal: principal, name: .file(sent))
        try await commit(narInfo, key, into: cache)
    }

    /// Puts a path into the cache whose NAR its sender has sent, and what has waited for it.
    ///
    /// - Throws: ``CacheError``, saying what of it is not so.
    func commit(
        _ narInfo: NARInfo,
        _ key: StagedNARs.Key,
        into cache: NamedCache
    ) async throws {
        try await admit(narInfo, key, into: cache)
        await releaseWaiting(on: narInfo.storePath.hash, in: cache.name)
    }

    /// The path alone.
    func admit(
        _ narInfo: NARInfo,
        _ key: StagedNARs.Key,
        into cache: NamedCache
    ) async throws {
        let nar = staged.find(key)
        if let nar {
            try NARInfoCheckIn.require(narInfo, describes: nar)
        } else {
            // Only more signatures for what is there.
            try await requireMember(narInfo, key)
        }
        let signed = try sign(narInfo, by: signingKey(of: cache))
        let required = try await referencesToRequire(of: narInfo, in: cache)
        let result = try await add(signed, to: cache.name, requiring: required, from: nar)
        try conclude(result, narInfo, cache.name)
        staged.remove(key)
        tally.of(cache.name).accepted.wrappingAdd(1, ordering: .relaxed)
        logger.info(
            "pushed",
            metadata: ["cache": "\(cache.name)", "path": "\(narInfo.storePath)"]
        )
    }

    private func requireMember(_ narInfo: NARInfo, _ key: StagedNARs.Key) async throws {
        let cache = key.cache
        let known = try await asking { depot in
            try depot.memberNARInfo(narInfo.storePath.hash, in: cache)
        }
        guard let known else {
            throw CacheError.refused(
                "\(key.name) was not sent to cache \(cache) with this token; send it before its narinfo"
            )
        }
        // Anything else about it is told by what it is held against.
        guard known.narInfo.narHash == narInfo.narHash else {
            throw Self.conflict(narInfo, known.narInfo, cache)
        }
    }

    /// The cache's own signature in front of no other by its name: that could be anybody's.
    func sign(_ narInfo: NARInfo, by key: SecretKey) -> NARInfo {
        var signed = narInfo
        let fingerprint = narInfo.fingerprint(in: depot.configuration.storeDirectory)
        signed.signatures.removeAll { $0.keyName == key.name }
        signed.signatures.append(key.sign(fingerprint))
        signed.unknownFields = []
        return signed
    }

    /// Goes on trying while somebody else is bringing the same object or path.
    private func add(
        _ narInfo: NARInfo,
        to cache: CacheName,
        requiring references: Set<StorePathHash>,
        from nar: StagedNAR?
    ) async throws -> Membership {
        let end = ContinuousClock.now + .seconds(10)
        let arrival = MemberArrival(narInfo, requiring: references, from: nar?.upload)
        while true {
            let result = try await add([arrival], to: cache)[0]
            guard case .changing = result, ContinuousClock.now < end else { return result }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Puts paths into the depot, on a thread that may wait for its disk.
    func add(_ arrivals: [MemberArrival], to cache: CacheName) async throws -> [Membership] {
        do {
            return try await uploaders.run(deadline: .seconds(600)) { [depot, configuration] in
                try depot.add(arrivals, to: cache, form: configuration.form)
            }
        } catch {
            throw CacheError(error)
        }
    }

    private func conclude(
        _ result: Membership,
        _ narInfo: NARInfo,
        _ cache: CacheName
    ) throws {
        switch result {
        case .added, .updated: break
        case .conflict(let known): throw Self.conflict(narInfo, known.narInfo, cache)
        case .lacking(let hashes):
            let names = narInfo.references.filter { hashes.contains($0.hash) }
            throw Self.lacking(names, narInfo, cache)
        case .narMissing:
            throw CacheError.refused("the NAR of \(narInfo.storePath) is gone; send it again")
        case .changing: throw CacheError.storageUnavailable(StillChanging(path: narInfo.storePath))
        case .cacheGone: throw CacheError.notFound
        }
    }

    static func conflict(
        _ narInfo: NARInfo,
        _ known: NARInfo,
        _ cache: CacheName
    ) -> CacheError {
        .conflict(
            "\(narInfo.storePath) is in cache \(cache) already, with NarHash"
                + " \(known.narHash) and other facts than these; a path does not change"
        )
    }

    static func lacking(
        _ references: [StorePath],
        _ narInfo: NARInfo,
        _ cache: CacheName
    ) -> CacheError {
        let names = references.prefix(3).map { "\($0)" }.joined(separator: ", ")
        let more = references.count > 3 ? " and \(references.count - 3) more" : ""
        return .refused(
            "\(narInfo.storePath) refers to \(names)\(more), neither in cache \(cache) nor in its"
                + " upstreams; push that first"
        )
    }

    private func take(
        _ text: [UInt8],
        as extra: CacheExtra,
        into cache: NamedCache
    ) async throws {
        guard Self.isWellFormed(text, extra) else {
            throw CacheError.malformed("this is no \(extra)")
        }
        let share = try await takeShare(of: cache, UInt64(text.count))
        try await asking { try $0.write(text, as: extra, of: cache.name) }
        _ = share
    }

    private static func isWellFormed(_ text: [UInt8], _ extra: CacheExtra) -> Bool {
        switch extra {
        case .listing: (try? NARListing(parsing: text)) != nil
        case .log: true
        case .realisation(let id): (try? Realisation(parsing: text))?.id == id
        case .buildTrace(let derivation, let output):
            (try? BuildTraceEntry(parsing: text, derivation: derivation, outputName: output)) != nil
        }
    }
}

/// Somebody else is bringing or removing a path, and has been for long.
struct StillChanging: Error {
    let path: StorePath
}
