// SPDX-License-Identifier: Apache-2.0
package import Caches
import Depot
package import NixFormat
import NixStore

/// That somebody has a NAR, which is more than to know its hash.
package struct PossessionProof: Hashable, Sendable {
    package let hash: StorePathHash
    package let narHash: NixHash
    package let nonce: [UInt8]
    /// SHA-256 of the nonce and the NAR.
    package let digest: [UInt8]

    /// Fails for a name that is not `HASH-NARHASH.nar.zst`.
    package init?(name: String, nonce: [UInt8], digest: [UInt8]) {
        guard let key = try? ObjectKey(parsing: name), key.form == .zstd else { return nil }
        hash = key.storeHash
        narHash = key.narHash
        self.nonce = nonce
        self.digest = digest
    }
}

extension NamedCaches {
    /// For all of a request; what comes after it can be asked again, or sent.
    private static let proofPatience = Duration.seconds(50)

    /// Believes those who have a NAR that it need not be sent.
    ///
    /// - Returns: For each proof why it is not believed; `nil` for those that are.
    package func prove(
        _ proofs: [PossessionProof],
        in name: CacheName,
        by visitor: Visitor
    ) async throws -> [String?] {
        let pusher = try await pusher(of: name, visitor)
        let end = ContinuousClock.now + Self.proofPatience
        var refusals: [String?] = []
        for proof in proofs {
            guard ContinuousClock.now < end else {
                refusals.append("there was no time left to look at it; ask again, or send it")
                continue
            }
            refusals.append(try await refusal(of: proof, pusher))
        }
        return refusals
    }

    private func refusal(of proof: PossessionProof, _ pusher: Pusher) async throws -> String? {
        guard let key = try? key(proof.hash, proof.narHash) else { return "not a SHA-256" }
        guard proof.nonce == nonce(for: key, pusher) else {
            return "the nonce is not ours any more"
        }
        let share = try await takeShare(of: pusher.cache, 0)
        let narSizeBytes: UInt64
        do {
            let found = try await uploaders.run(deadline: .seconds(600)) { [depot] in
                try depot.openHeld(key).map { try Self.digest(of: $0, after: proof.nonce) }
            }
            guard let found else { return "the NAR is not here any more; send it" }
            guard found.digest == proof.digest else { return "the proof is not right" }
            guard share.set(found.fileSizeBytes) else {
                throw CacheError.noRoom(
                    "cache \(pusher.cache.name) has no room left in its quota for this NAR"
                )
            }
            narSizeBytes = found.narSizeBytes
        } catch let error as CacheError {
            throw error
        } catch {
            throw CacheError(error)
        }
        stage(
            StagedNAR(
                upload: nil,
                share: share,
                fileHash: proof.narHash,
                fileSizeBytes: 0,
                narHash: proof.narHash,
                narSizeBytes: narSizeBytes
            ),
            as: proof.hash,
            pusher
        )
        return nil
    }

    private struct Digest {
        let digest: [UInt8]
        let narSizeBytes: UInt64
        let fileSizeBytes: UInt64
    }

    private static func digest(of object: OpenObject, after nonce: [UInt8]) throws -> Digest {
        let source: any ByteSource =
            switch object.info.key.form {
            case .zstd: try UnpackingSource(object, range: nil)
            case .identity: ObjectBytes(object, range: nil)
            }
        var hasher = SHA256Hasher()
        hasher.update(nonce)
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        var narSizeBytes: UInt64 = 0
        while true {
            let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe source.fill($0) }
            guard count > 0 else { break }
            narSizeBytes += UInt64(count)
            unsafe buffer.withUnsafeBytes { bytes in
                unsafe hasher.update(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
        }
        return Digest(
            digest: hasher.finalize().digest,
            narSizeBytes: narSizeBytes,
            fileSizeBytes: object.info.sizeBytes
        )
    }

    /// What nobody can know who was not asked for this very NAR; good until the process ends.
    func nonce(for key: ObjectKey, _ pusher: Pusher) -> [UInt8] {
        var hasher = SHA256Hasher()
        hasher.update(nonceSecret)
        hasher.update(Array("\(pusher.cache.name)\n\(pusher.principal)\n\(key)".utf8))
        return hasher.finalize().digest
    }

    /// Keeps a NAR until its narinfo comes.
    func stage(_ nar: StagedNAR, as hash: StorePathHash, _ pusher: Pusher) {
        staged.insert(nar, for: stagedKey(hash, nar.narHash, pusher))
    }

    func stagedKey(
        _ hash: StorePathHash,
        _ narHash: NixHash,
        _ pusher: Pusher
    ) -> StagedNARs.Key {
        StagedNARs.Key(
            cache: pusher.cache.name,
            principal: pusher.principal,
            name: .path(hash, narHash: narHash)
        )
    }
}
