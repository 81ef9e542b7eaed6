// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// The name of a text beside the objects; beneath the root of a binary cache.
package enum TextName: Hashable, Sendable {
    /// `nix-cache-info`
    case cacheInfo
    /// `HASH.narinfo`
    case narInfo(StorePathHash)

    private static let cacheInfoName = "nix-cache-info"
    private static let narInfoExtension = ".narinfo"

    /// Reads a file name; accepts only what ``description`` writes.
    package init?(parsing fileName: some StringProtocol) {
        if fileName == Self.cacheInfoName {
            self = .cacheInfo
            return
        }
        guard fileName.hasSuffix(Self.narInfoExtension),
            let hash = try? StorePathHash(
                parsing: String(fileName.dropLast(Self.narInfoExtension.count))
            )
        else { return nil }
        self = .narInfo(hash)
    }
}

extension TextName: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cacheInfo: Self.cacheInfoName
        case .narInfo(let hash): "\(hash)\(Self.narInfoExtension)"
        }
    }
}

/// What an ``ObjectStore`` comes upon when it goes through all that it holds.
package enum StoredName: Hashable, Sendable {
    case object(ObjectKey)
    case text(TextName)
    /// What a writer that is no more has left.
    case leftover(String)
    /// Something that Firn did not make, by its path beneath the root.
    case foreign(String)
}
