// SPDX-License-Identifier: Apache-2.0
import CacheService
import FirnAPI
import Synchronization

/// A body that is read as a whole, up to a bound.
final class CollectedBody: BodySink {
    private let maximumBytes: Int
    private let bytes = Mutex<[UInt8]>([])

    init(upTo maximumBytes: Int) { self.maximumBytes = maximumBytes }

    func write(_ piece: [UInt8]) async throws {
        let fits = bytes.withLock { bytes in
            guard bytes.count + piece.count <= maximumBytes else { return false }
            bytes += piece
            return true
        }
        guard fits else {
            throw CacheError.tooLarge("at most \(maximumBytes) bytes of this are taken")
        }
    }

    func finish() async throws {}

    /// All of it, once it is complete.
    var collected: [UInt8] { bytes.withLock(\.self) }

    /// - Throws: ``CacheError/malformed(_:)``, saying where it is not what was expected.
    func parse<Body: Decodable>(as type: Body.Type) throws(CacheError) -> Body {
        do throws(FirnJSON.ParseError) {
            return try FirnJSON.parse(bytes.withLock(\.self), as: type)
        } catch {
            throw .malformed("not a body of this kind: \(error)")
        }
    }
}
