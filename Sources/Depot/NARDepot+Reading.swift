// SPDX-License-Identifier: Apache-2.0
import Glibc
import Logging
import NixFormat

extension NARDepot {
    /// Opens what a key names and hands it on, protected from eviction.
    ///
    /// A row whose file is missing or has another length is dropped: somebody else changed our files,
    /// and what is not there must not be promised.
    func withPresent<Result>(
        _ key: ObjectKey,
        _ body: (ObjectInfo, consuming OwnedDescriptor, ReadingLease) throws -> Result
    ) throws -> Result? {
        while true {
            let stamp = ledger.departureCount
            guard let entry = try catalog.find(key) else { return nil }
            // Between the two lines above and the lease, the object may have been chosen to go.
            guard let reading = ledger.beginReading(entry, unlessDepartedSince: stamp) else {
                continue
            }
            guard let file = try objects.open(key, expecting: entry.sizeBytes) else {
                logger.warning("removed from the catalog, for its file is damaged or gone: \(key)")
                reading.end()
                try depart([entry], evenIfOpen: true)
                return nil
            }
            guard let info = try completeInfo(entry, file.number) else {
                logger.error("removed, for its contents do not match its name: \(key)")
                reading.end()
                try depart([entry], evenIfOpen: true)
                return nil
            }
            return try body(info, file, reading)
        }
    }

    /// The object's description; its hash is computed now when the catalog was rebuilt without it.
    ///
    /// - Returns: `nil` when the contents of an identity NAR are not what its name says.
    private func completeInfo(_ entry: CatalogEntry, _ file: Int32) throws -> ObjectInfo? {
        let key = entry.key
        if let hash = entry.fileHash {
            return ObjectInfo(key: key, sizeBytes: entry.sizeBytes, fileHash: hash)
        }
        let hash = try hashContents(of: file, name: "\(key)")
        guard key.form != .identity || hash == key.narHash else { return nil }
        try catalog.setFileHash(hash, of: entry.id)
        return ObjectInfo(key: key, sizeBytes: entry.sizeBytes, fileHash: hash)
    }

    private func hashContents(of file: Int32, name: String) throws -> NixHash {
        var hasher = SHA256Hasher()
        var offset = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = try unsafe buffer.withUnsafeMutableBytes { bytes in
                let count = retryingInterrupts {
                    unsafe pread(file, bytes.baseAddress, bytes.count, offset)
                }
                guard count >= 0 else { throw DepotError.fromErrno("read", name) }
                unsafe hasher.update(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                return count
            }
            guard count > 0 else { return hasher.finalize() }
            offset += count
        }
    }
}
