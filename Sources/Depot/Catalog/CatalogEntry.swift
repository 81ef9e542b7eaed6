// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import NixFormat

/// A row of the catalog.
struct CatalogEntry: Sendable {
    /// Never used twice, so that an object that comes back is not taken for the one that went.
    let id: Int64
    let key: ObjectKey
    let sizeBytes: UInt64
    /// `nil` after the catalog was rebuilt, until somebody wants to know.
    let fileHash: NixHash?
    /// Microseconds of Unix time.
    let usedAt: Int64

    static let columns = "id, name, size_bytes, file_hash, used_at"

    /// - Throws: ``Defect`` when the row is not what Firn writes.
    init(row: Row) throws {
        let name: String = row[1]
        let size: Int64 = row[2]
        let digest: Data? = row[3]
        guard let key = try? ObjectKey(parsing: name), let size = UInt64(exactly: size) else {
            throw Defect(name: name)
        }
        id = row[0]
        self.key = key
        sizeBytes = size
        fileHash = digest.flatMap { try? NixHash(algorithm: .sha256, digest: Array($0)) }
        usedAt = row[4]
    }

    /// A row that Firn did not write.
    struct Defect: Error {
        let name: String
    }
}

/// What a row says about its object; the numbers are in the file.
enum ObjectState: Int {
    /// Complete, and shown.
    case present = 0
    /// About to get its name: at the next start, shown when the file is there, else forgotten.
    case arriving = 1
    /// About to be removed: at the next start, removed.
    case departing = 2
}
