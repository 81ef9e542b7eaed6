// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore
import Synchronization

/// A NAR straight from the store; what it finds out on the way is told to the tier.
final class StoreNARSource: ByteSource, @unchecked Sendable {
    // SAFETY: a ByteSource has one reader at a time, which is all that touches `remainingBytes`.
    private let reader: NARReader
    private var remainingBytes: UInt64
    private let info: PathInfo
    private let isWhole: Bool
    private let tier: StoreTier
    private let permit: OpenStreams.Permit

    init(reading info: PathInfo, _ range: Range<UInt64>?, for tier: StoreTier) throws {
        permit = try tier.openStreams.admit()
        do {
            reader = try tier.store.openNAR(info, range: range)
        } catch {
            tier.distrust(info)
            throw CacheError(reading: error)
        }
        remainingBytes = reader.sizeBytes
        self.info = info
        self.tier = tier
        isWhole = range == nil
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        do {
            let count = try unsafe reader.fill(buffer)
            remainingBytes -= min(remainingBytes, UInt64(count))
            if remainingBytes == 0, isWhole { tier.maker?.make(info) }
            return count
        } catch {
            tier.distrust(info)
            throw CacheError(reading: error)
        }
    }
}

extension StoreTier {
    /// What was answered about the path may no longer be the best answer: look again.
    func distrust(_ info: PathInfo) {
        memory.suspect(info.path.hash)
        changes.wrappingAdd(1, ordering: .releasing)
    }
}

extension CacheError {
    /// A path that is gone or damaged is not here; anything else is a store that does not answer.
    init(reading error: any Error) {
        switch error as? NARReadError {
        case .pathVanished, .rangeOutOfBounds: self = .notFound
        case let error? where error.meansDamage: self = .notFound
        case .some, nil: self = .storageUnavailable(error)
        }
    }
}
