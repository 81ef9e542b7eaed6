// SPDX-License-Identifier: Apache-2.0
import Depot
import Logging
import NixFormat
import NixStore
import Synchronization

extension StoreTier {
    /// The NAR, if everything needed to send it is in memory; never waits.
    package func knownNAR(_ request: NARRequest) -> NARAnswer? {
        guard let narHash = request.narHash, let key = ObjectKey(request, narHash) else {
            return nil
        }
        if let file = openObjects.file(for: key) { return answer(key, file) }
        // Where the depot keeps this form it has to be asked, and that can wait for a disk.
        guard request.form == .identity, depot == nil || configuration.form != .identity,
            let entry = memory.entry(for: request.storeHash),
            entry.confirmedAt == store.changeCount,
            entry.answer.info.narHash == narHash
        else { return nil }
        return fromStore(entry.answer.info, key)
    }

    /// The NAR that was asked for.
    ///
    /// - Returns: `nil` when the store has no such path, or not with that hash, and the depot has
    ///   kept nothing of it.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when nobody knows.
    package func resolveNAR(_ request: NARRequest) async throws -> NARAnswer? {
        if let known = knownNAR(request) { return known }
        if let kept = try await kept(request) { return kept }
        guard let info = try await resolve(request.storeHash)?.info,
            request.narHash == nil || request.narHash == info.narHash
        else {
            return try await keptInOtherForm(request)
        }
        switch request.form {
        case .identity: return fromStore(info, try info.objectKey(.identity))
        case .zstd: return madeWhileSent(info, try info.objectKey(.zstd))
        case .passed: return nil
        }
    }

    /// What the depot has under the very name that was asked for.
    func kept(_ request: NARRequest) async throws -> NARAnswer? {
        guard let narHash = request.narHash, let key = ObjectKey(request, narHash),
            let object = try await open(key)
        else { return nil }
        guard let descriptor = object.localDescriptor else { return answer(key, reading: object) }
        let file = FileContent(
            descriptor: descriptor,
            sizeBytes: object.info.sizeBytes,
            owner: object
        )
        openObjects.keep(file, for: key)
        return answer(key, file)
    }

    /// A path that the store no longer has can still be unpacked from its compressed object, so
    /// that an identity URL which a client has remembered for days stays good.
    private func keptInOtherForm(_ request: NARRequest) async throws -> NARAnswer? {
        guard request.form == .identity, let narHash = try await keptNARHash(request) else {
            return nil
        }
        let key = try ObjectKey(storeHash: request.storeHash, narHash: narHash, form: .zstd)
        guard let object = try await open(key) else { return nil }
        let sizeBytes = try await workers.run(deadline: configuration.lookupDeadline) {
            try UnpackingSource(object, range: nil).sizeBytes
        }
        counters.depotHits.wrappingAdd(1, ordering: .relaxed)
        return NARAnswer(
            content: .source(sizeBytes: sizeBytes) { try UnpackingSource(object, range: $0) },
            entityTag: key.narHash.digestText(.nix32),
            allowsRanges: true,
            tierName: LocalTierName.depot
        )
    }

    /// What an old shape of URL leaves out, from the depot's narinfo.
    func keptNARHash(_ request: NARRequest) async throws -> NixHash? {
        if let narHash = request.narHash { return narHash }
        guard let depot else { return nil }
        return try await workers.run(deadline: configuration.lookupDeadline) {
            try depot.narInfo(for: request.storeHash)?.key.narHash
        }
    }

    func open(_ key: ObjectKey) async throws -> OpenObject? {
        guard let depot else { return nil }
        do {
            return try await workers.run(deadline: configuration.lookupDeadline) {
                try depot.open(key)
            }
        } catch {
            logger.warning("depot does not answer", metadata: ["cause": "\(error)"])
            return nil
        }
    }

    private func answer(_ key: ObjectKey, _ file: FileContent) -> NARAnswer {
        counters.depotHits.wrappingAdd(1, ordering: .relaxed)
        return NARAnswer(
            content: .file(file),
            entityTag: key.entityTag,
            allowsRanges: true,
            tierName: LocalTierName.depot
        )
    }

    /// An object that is no file of this machine.
    private func answer(_ key: ObjectKey, reading object: OpenObject) -> NARAnswer {
        counters.depotHits.wrappingAdd(1, ordering: .relaxed)
        return NARAnswer(
            content: .source(sizeBytes: object.info.sizeBytes) { ObjectBytes(object, range: $0) },
            entityTag: key.entityTag,
            allowsRanges: true,
            tierName: LocalTierName.depot
        )
    }

    private func begun(_ key: ObjectKey) -> PendingObject? { try? depot?.begin(key) }

    private func fromStore(_ info: PathInfo, _ key: ObjectKey) -> NARAnswer {
        counters.depotMisses.wrappingAdd(1, ordering: .relaxed)
        return NARAnswer(
            content: .source(sizeBytes: info.narSizeBytes) { [self] range in
                try StoreNARSource(reading: info, range, for: self)
            },
            entityTag: key.entityTag,
            allowsRanges: true,
            tierName: LocalTierName.store
        )
    }

    /// A `.nar.zst` that was advertised and then evicted is made again, byte for byte the same.
    private func madeWhileSent(_ info: PathInfo, _ key: ObjectKey) -> NARAnswer {
        counters.depotMisses.wrappingAdd(1, ordering: .relaxed)
        return NARAnswer(
            content: .source(sizeBytes: nil) { [self] _ in
                let permit = try openStreams.admit()
                do {
                    return try ObjectSource(
                        store.openNAR(info, range: nil),
                        as: .zstd,
                        into: begun(key).map { pending in
                            (
                                pending,
                                describedBy: NARInfo(of: info, signedBy: keys, in: storeDirectory)
                            )
                        }
                    ) { [self, permit] _ in
                        _ = permit
                        distrust(info)
                    }
                } catch {
                    throw CacheError(reading: error)
                }
            },
            entityTag: key.entityTag,
            allowsRanges: false,
            tierName: LocalTierName.store
        )
    }
}

extension ObjectKey {
    /// - Returns: `nil` for a form that the depot does not keep.
    init?(_ request: NARRequest, _ narHash: NixHash) {
        let form: NARForm
        switch request.form {
        case .identity: form = .identity
        case .zstd: form = .zstd
        case .passed: return nil
        }
        try? self.init(storeHash: request.storeHash, narHash: narHash, form: form)
    }

    /// The two forms of one NAR are different bytes, so they need different validators.
    var entityTag: String {
        switch form {
        case .identity: narHash.digestText(.nix32)
        case .zstd: "\(narHash.digestText(.nix32)).zst"
        }
    }
}

extension PathInfo {
    /// The name of its NAR in a form.
    func objectKey(_ form: NARForm) throws(ObjectKey.ParseError) -> ObjectKey {
        try ObjectKey(storeHash: path.hash, narHash: narHash, form: form)
    }
}
