// SPDX-License-Identifier: Apache-2.0
import Logging
import NixFormat

extension NARDepot {
    /// Opens what a key names and hands it on, protected from eviction.
    ///
    /// A row whose object is missing or has another length is dropped: somebody else changed our
    /// files, and what is not there must not be promised.
    func withPresent<Result>(
        _ key: ObjectKey,
        _ body: (ObjectInfo, any ObjectReading, ReadingLease) throws -> Result
    ) throws -> Result? {
        while true {
            let stamp = ledger.departureCount
            guard let entry = try catalog.find(key) else { return nil }
            // Between the two lines above and the lease, the object may have been chosen to go.
            guard let reading = ledger.beginReading(entry, unlessDepartedSince: stamp) else {
                continue
            }
            guard let contents = try objects.open(key), contents.sizeBytes == entry.sizeBytes else {
                logger.warning("removed from the catalog, for its file is damaged or gone: \(key)")
                reading.end()
                try depart([entry], evenIfOpen: true)
                return nil
            }
            guard let info = try completeInfo(entry, contents) else {
                logger.error("removed, for its contents do not match its name: \(key)")
                reading.end()
                try depart([entry], evenIfOpen: true)
                return nil
            }
            guard localRoom == nil else {
                return try body(info, VerifiedReading(contents, info), reading)
            }
            return try body(info, contents, reading)
        }
    }

    /// The object's description; its hash is computed now when the catalog was rebuilt without it.
    ///
    /// - Returns: `nil` when the contents are not what an identity NAR's name, or the narinfo, says.
    private func completeInfo(
        _ entry: CatalogEntry,
        _ contents: any ObjectReading
    ) throws -> ObjectInfo? {
        let key = entry.key
        if let hash = entry.record.fileHash {
            return ObjectInfo(key: key, sizeBytes: entry.sizeBytes, fileHash: hash)
        }
        let hash = try contents.computeHash()
        guard key.form != .identity || hash == key.narHash else { return nil }
        let narInfo = try objects.read(.narInfo(key.storeHash)).flatMap { parse($0) }
        if narInfo?.objectKey == key, let promised = narInfo?.fileHash, promised != hash {
            return nil
        }
        try catalog.setFileHash(hash, of: entry.id)
        return ObjectInfo(key: key, sizeBytes: entry.sizeBytes, fileHash: hash)
    }
}

extension ObjectReading {
    /// SHA-256 of all of it.
    func computeHash() throws -> NixHash {
        var hasher = SHA256Hasher()
        var offset: UInt64 = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = try unsafe buffer.withUnsafeMutableBytes { bytes in
                let count = try unsafe read(at: offset, into: bytes)
                unsafe hasher.update(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                return count
            }
            guard count > 0 else { return hasher.finalize() }
            offset += UInt64(count)
        }
    }
}
