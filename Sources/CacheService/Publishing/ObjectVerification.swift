// SPDX-License-Identifier: Apache-2.0
package import Depot
import NixFormat

/// Whether an object of the depot is what its name says.
package enum ObjectVerification {
    /// How long the NAR is that an object holds, as its seek table says.
    ///
    /// - Returns: `nil` for an object that cannot be read as what it is.
    /// - Throws: When the file cannot be read, so that nobody knows.
    package static func narSizeBytes(of object: OpenObject) throws -> UInt64? {
        switch object.info.key.form {
        case .identity: return object.info.sizeBytes
        case .zstd:
            do {
                return try UnpackingSource(object, range: nil).sizeBytes
            } catch let error as DepotError {
                throw error
            } catch {
                return nil
            }
        }
    }

    /// Unpacks all of it; takes as long as reading and hashing the NAR.
    ///
    /// - Throws: When the file cannot be read, so that nobody knows.
    package static func holdsItsNAR(_ object: OpenObject) throws -> Bool {
        let source: any ByteSource
        switch object.info.key.form {
        case .identity: source = ObjectBytes(object, range: nil)
        case .zstd:
            do {
                source = try UnpackingSource(object, range: nil)
            } catch let error as DepotError {
                throw error
            } catch {
                return false
            }
        }
        var hasher = SHA256Hasher()
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count: Int
            do {
                count = try unsafe piece.withUnsafeMutableBytes { bytes in
                    let count = try unsafe source.fill(bytes)
                    unsafe hasher.update(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                    return count
                }
            } catch let error as DepotError {
                throw error
            } catch {
                // It does not unpack: certainly not the NAR.
                return false
            }
            guard count > 0 else { break }
        }
        return hasher.finalize() == object.info.key.narHash
    }
}
