// SPDX-License-Identifier: Apache-2.0
import Depot
import Logging
package import NixFormat
import NixStore
import Synchronization

extension StoreTier {
    /// Changes whenever an answer given before may no longer be the one to give.
    ///
    /// The fast lane keeps whole responses for as long as this stands still.
    package var revision: UInt64 { store.changeCount &+ changes.load(ordering: .acquiring) }

    /// The narinfo, if it is in memory and the database has not changed since.
    ///
    /// Never waits: this is what the fast lane asks on the event loop.
    package func knownNARInfo(_ hash: StorePathHash) -> NARInfoAnswer? {
        guard let entry = memory.entry(for: hash),
            entry.confirmedAt == store.changeCount,
            entry.answer.keysVersion == keys.version
        else { return nil }
        return entry.answer.answer
    }

    /// The narinfo of the path with this hash.
    ///
    /// - Returns: `nil` only when the database says that there is no such path, or its content is
    ///   known to be damaged.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when nobody knows. What was known before a
    ///   database stopped answering goes on being answered.
    package func resolveNARInfo(_ hash: StorePathHash) async throws -> NARInfoAnswer? {
        if let known = knownNARInfo(hash) { return known }
        return try await resolve(hash)?.answer
    }

    /// The same with what is known of the path.
    func resolve(_ hash: StorePathHash) async throws -> StoreAnswer? {
        if let entry = memory.entry(for: hash), entry.confirmedAt == store.changeCount,
            entry.answer.keysVersion == keys.version
        {
            return entry.answer
        }
        let confirmedAt = store.changeCount
        let found: PathInfo?
        do {
            found = try await store.findPathInfo(hash, deadline: configuration.lookupDeadline)
        } catch {
            if let known = memory.entry(for: hash)?.answer {
                return store.isMarkedBad(known.info) ? nil : known
            }
            throw CacheError.storageUnavailable(error)
        }
        guard let found, !store.isMarkedBad(found) else {
            counters.storeMisses.wrappingAdd(1, ordering: .relaxed)
            memory.forget(hash)
            return nil
        }
        counters.storeHits.wrappingAdd(1, ordering: .relaxed)
        let answer = try await answer(for: found, known: memory.entry(for: hash)?.answer)
        memory.remember(AnswerMemory.Entry(answer: answer, confirmedAt: confirmedAt), for: hash)
        return answer
    }

    /// Makes the narinfo, or keeps the one there is if nothing that went into it has changed.
    private func answer(for info: PathInfo, known: StoreAnswer?) async throws -> StoreAnswer {
        let keysVersion = keys.version
        let object = try await compressedObject(of: info)
        if let known, known.info == info, known.keysVersion == keysVersion,
            known.offersCompressed == (object != nil)
        {
            return known
        }
        return try await render(info, object, keysVersion: keysVersion)
    }

    /// Signs and writes: tens of microseconds of arithmetic, so not on the caller's executor.
    @concurrent
    private func render(
        _ info: PathInfo,
        _ object: ObjectInfo?,
        keysVersion: UInt64
    ) async throws -> StoreAnswer {
        var narInfo = NARInfo(of: info, signedBy: keys, in: storeDirectory)
        if let object {
            narInfo.url = "nar/\(object.key)"
            narInfo.compression = .zstd
            narInfo.fileHash = object.fileHash
            narInfo.fileSizeBytes = object.sizeBytes
        }
        return StoreAnswer(
            info: info,
            answer: NARInfoAnswer(narInfo, in: storeDirectory, from: LocalTierName.store),
            keysVersion: keysVersion,
            offersCompressed: object != nil
        )
    }

    private func compressedObject(of info: PathInfo) async throws -> ObjectInfo? {
        guard let depot, configuration.form == .zstd else { return nil }
        let key = try info.objectKey(.zstd)
        do {
            return try await workers.run(deadline: configuration.lookupDeadline) {
                try depot.find(key)
            }
        } catch {
            // A sick depot costs the compressed form, not the path.
            logger.warning("depot does not answer", metadata: ["cause": "\(error)"])
            return nil
        }
    }
}

extension NARInfo {
    /// A path of the store with its NAR as it is, signed by the store's keys and by ours.
    init(of info: PathInfo, signedBy keys: SigningKeys, in directory: StoreDirectory) {
        let fingerprint = PathFingerprint.bytes(
            storePath: info.path,
            narHash: info.narHash,
            narSizeBytes: info.narSizeBytes,
            references: info.references,
            in: directory
        )
        self.init(
            storePath: info.path,
            url: "nar/\(info.path.hash)-\(info.narHash.digestText(.nix32)).nar",
            compression: .none,
            fileHash: info.narHash,
            fileSizeBytes: info.narSizeBytes,
            narHash: info.narHash,
            narSizeBytes: info.narSizeBytes,
            references: info.references,
            deriver: info.deriver,
            signatures: keys.adding(to: info.signatures, fingerprint: fingerprint),
            contentAddress: info.contentAddress
        )
    }
}
