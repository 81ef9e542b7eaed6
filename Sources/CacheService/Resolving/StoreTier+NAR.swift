// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import NixStore

extension StoreTier {
    /// The NAR, if everything needed to send it is in memory; never waits.
    package func knownNAR(_ request: NARRequest) -> NARAnswer? {
        guard let narHash = request.narHash else { return nil }
        let key = ObjectKey(request, narHash)
        if let file = openObjects.file(for: key) { return answer(key, file) }
        guard request.form == .identity,
            let entry = memory.entry(for: request.storeHash),
            entry.confirmedAt == store.changeCount,
            entry.answer.info.narHash == narHash
        else { return nil }
        return fromStore(entry.answer.info)
    }

    /// The NAR that was asked for.
    ///
    /// - Returns: `nil` when the store has no such path, or not with that hash, and the depot has
    ///   kept nothing of it.
    /// - Throws: ``CacheError/storageUnavailable(_:)`` when nobody knows.
    package func resolveNAR(_ request: NARRequest) async throws -> NARAnswer? {
        if let known = knownNAR(request) { return known }
        if let kept = try await kept(request) { return kept }
        guard let info = try await resolveNARInfo(request.storeHash)?.info,
            request.narHash == nil || request.narHash == info.narHash
        else {
            return try await keptInOtherForm(request)
        }
        switch request.form {
        case .identity: return fromStore(info)
        case .zstd: return madeWhileSent(info)
        }
    }

    /// What the depot has under the very name that was asked for.
    private func kept(_ request: NARRequest) async throws -> NARAnswer? {
        guard let narHash = request.narHash else { return nil }
        let key = ObjectKey(request, narHash)
        guard let object = try await open(key) else { return nil }
        let file = FileContent(
            descriptor: object.descriptor,
            sizeBytes: object.info.sizeBytes,
            owner: object
        )
        openObjects.keep(file, for: key)
        return answer(key, file)
    }

    /// A path that the store no longer has can still be unpacked from its compressed object, so
    /// that an identity URL which a client has remembered for days stays good.
    private func keptInOtherForm(_ request: NARRequest) async throws -> NARAnswer? {
        guard request.form == .identity, let narHash = request.narHash else { return nil }
        let key = ObjectKey(storeHash: request.storeHash, narHash: narHash, form: .zstd)
        guard let object = try await open(key) else { return nil }
        let sizeBytes = try await workers.run(deadline: configuration.lookupDeadline) {
            try UnpackingSource(object, range: nil).sizeBytes
        }
        return NARAnswer(
            content: .source(sizeBytes: sizeBytes) { try UnpackingSource(object, range: $0) },
            entityTag: "\(key.narHash.text(.nix32))",
            allowsRanges: true
        )
    }

    private func open(_ key: ObjectKey) async throws -> OpenObject? {
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
        NARAnswer(content: .file(file), entityTag: key.entityTag, allowsRanges: true)
    }

    private func fromStore(_ info: PathInfo) -> NARAnswer {
        let key = ObjectKey(storeHash: info.path.hash, narHash: info.narHash, form: .identity)
        return NARAnswer(
            content: .source(sizeBytes: info.narSizeBytes) { [self] range in
                try StoreNARSource(reading: info, range, for: self)
            },
            entityTag: key.entityTag,
            allowsRanges: true
        )
    }

    /// A `.nar.zst` that was advertised and then evicted is made again, byte for byte the same.
    private func madeWhileSent(_ info: PathInfo) -> NARAnswer {
        let key = ObjectKey(storeHash: info.path.hash, narHash: info.narHash, form: .zstd)
        return NARAnswer(
            content: .source(sizeBytes: nil) { [self] _ in
                try CompressingSource(
                    store.openNAR(info, range: nil),
                    into: try? depot?.begin(key),
                    onCommit: { [self] in distrust(info) },
                    onFailure: { [self] in distrust(info) }
                )
            },
            entityTag: key.entityTag,
            allowsRanges: false
        )
    }
}

extension ObjectKey {
    init(_ request: NARRequest, _ narHash: NixHash) {
        let form: NARForm =
            switch request.form {
            case .identity: .identity
            case .zstd: .zstd
            }
        self.init(storeHash: request.storeHash, narHash: narHash, form: form)
    }

    /// The two forms of one NAR are different bytes, so they need different validators.
    var entityTag: String {
        switch form {
        case .identity: narHash.text(.nix32)
        case .zstd: "\(narHash.text(.nix32)).zst"
        }
    }
}
