// SPDX-License-Identifier: Apache-2.0
import Compression
import Depot
import NixFormat
import NixStore
import Synchronization

extension StoreTier {
    /// The NAR of the store or the depot, in the form of a file that nobody has any more.
    ///
    /// Not the bytes of that file: its hash is another one, which Nix does not look at.
    /// - Returns: `nil` when this machine does not have the NAR, or cannot make that form.
    func repacked(_ request: NARRequest, as method: NARCompression) async throws -> NARAnswer? {
        guard Compressor.knows(method) else { return nil }
        if let info = try await resolve(request.storeHash)?.info,
            request.narHash == nil || request.narHash == info.narHash
        {
            return repackedWhileSent(from: LocalTierName.store) { [self] in
                let permit = try openStreams.admit()
                do {
                    let reader = try store.openNAR(info, range: nil)
                    return try RepackingSource(reader, as: method, holding: permit)
                } catch {
                    distrust(info)
                    throw CacheError(reading: error)
                }
            }
        }
        guard let narHash = try await keptNARHash(request) else { return nil }
        for form in [NARForm.zstd, .identity] {
            let key = try ObjectKey(storeHash: request.storeHash, narHash: narHash, form: form)
            guard let object = try await open(key) else { continue }
            return repackedWhileSent(from: LocalTierName.depot) {
                try RepackingSource(Self.nar(in: object), as: method)
            }
        }
        return nil
    }

    /// An object's NAR, hashed once more: a disk may have changed it since it was verified.
    private static func nar(in object: OpenObject) throws -> HashedSource {
        let key = object.info.key
        switch key.form {
        case .identity:
            return HashedSource(
                ObjectBytes(object, range: nil),
                narHash: key.narHash,
                narSizeBytes: object.info.sizeBytes
            )
        case .zstd:
            let nar = try UnpackingSource(object, range: nil)
            return HashedSource(nar, narHash: key.narHash, narSizeBytes: nar.sizeBytes)
        }
    }

    private func repackedWhileSent(
        from tierName: String,
        _ open: @escaping @Sendable () throws -> any ByteSource
    ) -> NARAnswer {
        counters.depotMisses.wrappingAdd(1, ordering: .relaxed)
        return .repacked(from: tierName, open)
    }
}

extension NARAnswer {
    /// Bytes that nobody has seen yet, and that will be others the next time.
    static func repacked(
        from tierName: String,
        _ open: @escaping @Sendable () throws -> any ByteSource
    ) -> NARAnswer {
        NARAnswer(
            content: .source(sizeBytes: nil) { _ in try open() },
            entityTag: nil,
            allowsRanges: false,
            tierName: tierName
        )
    }
}
