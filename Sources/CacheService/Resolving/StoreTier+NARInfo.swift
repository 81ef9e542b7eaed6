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
        return entry.answer
    }

    /// The narinfo of the path with this hash.
    ///
    /// - Returns: `nil` only when the database says that there is no such path, or its content is
    ///   known to be damaged.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when nobody knows. What was known before a
    ///   database stopped answering goes on being answered.
    package func resolveNARInfo(_ hash: StorePathHash) async throws -> NARInfoAnswer? {
        if let known = knownNARInfo(hash) { return known }
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
            memory.forget(hash)
            return nil
        }
        let answer = try await answer(for: found, known: memory.entry(for: hash)?.answer)
        memory.remember(AnswerMemory.Entry(answer: answer, confirmedAt: confirmedAt), for: hash)
        return answer
    }

    /// Makes the narinfo, or keeps the one there is if nothing that went into it has changed.
    private func answer(for info: PathInfo, known: NARInfoAnswer?) async throws -> NARInfoAnswer {
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
    ) async throws -> NARInfoAnswer {
        let fingerprint = PathFingerprint.bytes(
            storePath: info.path,
            narHash: info.narHash,
            narSizeBytes: info.narSizeBytes,
            references: info.references,
            in: storeDirectory
        )
        let key = try info.objectKey(object == nil ? .identity : .zstd)
        let narInfo = NARInfo(
            storePath: info.path,
            url: "nar/\(key)",
            compression: object == nil ? .none : .zstd,
            fileHash: object?.fileHash ?? info.narHash,
            fileSizeBytes: object?.sizeBytes ?? info.narSizeBytes,
            narHash: info.narHash,
            narSizeBytes: info.narSizeBytes,
            references: info.references,
            deriver: info.deriver,
            signatures: keys.adding(to: info.signatures, fingerprint: fingerprint),
            contentAddress: info.contentAddress
        )
        let text = narInfo.write(in: storeDirectory)
        var hasher = SHA256Hasher()
        hasher.update(text)
        return NARInfoAnswer(
            info: info,
            text: text,
            entityTag: String(hasher.finalize().text(.nix32).suffix(52)),
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
