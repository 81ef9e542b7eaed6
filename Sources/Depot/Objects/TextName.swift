// SPDX-License-Identifier: Apache-2.0
package import Caches
package import NixFormat

/// The name of a text beside the objects; beneath the root of a binary cache.
package enum TextName: Hashable, Sendable {
    /// `nix-cache-info`
    case cacheInfo
    /// `HASH.narinfo`
    case narInfo(StorePathHash)
    /// Of a named cache, in a folder of its own that is a binary cache itself: `caches/NAME/…`.
    case ofCache(CacheName, CacheText)

    private static let cacheInfoName = "nix-cache-info"
    private static let narInfoExtension = ".narinfo"
    static let cachesFolder = "caches"

    /// Reads a file's path; accepts only what ``description`` writes.
    package init?(parsing path: some StringProtocol) {
        if path == Self.cacheInfoName {
            self = .cacheInfo
        } else if let hash = Self.narInfoHash(path) {
            self = .narInfo(hash)
        } else {
            let parts = path.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0] == Self.cachesFolder,
                let name = try? CacheName(parsing: parts[1]),
                let text = CacheText(parsing: parts[2])
            else { return nil }
            self = .ofCache(name, text)
        }
    }

    fileprivate static func narInfoHash(_ fileName: some StringProtocol) -> StorePathHash? {
        guard fileName.hasSuffix(narInfoExtension) else { return nil }
        return try? StorePathHash(parsing: String(fileName.dropLast(narInfoExtension.count)))
    }

    /// The folder beneath the root, and the name in it; the folder of the root is empty.
    var place: (folder: String, name: String) {
        let text = description
        guard let slash = text.lastIndex(of: "/") else { return ("", text) }
        return (String(text[..<slash]), String(text[text.index(after: slash)...]))
    }
}

extension TextName: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cacheInfo: Self.cacheInfoName
        case .narInfo(let hash): "\(hash)\(Self.narInfoExtension)"
        case .ofCache(let cache, let text): "\(Self.cachesFolder)/\(cache)/\(text)"
        }
    }
}

/// The name of a text of a named cache; beneath the cache's folder.
package enum CacheText: Hashable, Sendable {
    /// `cache.json`: what the catalog says of the cache, for when it is lost.
    case document
    /// `pins.json`: as the document.
    case pins
    /// `nix-cache-info`
    case cacheInfo
    /// `HASH.narinfo`
    case narInfo(StorePathHash)
    /// What may be beside narinfos.
    case extra(CacheExtra)

    private static let documentName = "cache.json"
    private static let pinsName = "pins.json"
    private static let cacheInfoName = "nix-cache-info"

    package init?(parsing path: some StringProtocol) {
        if path == Self.documentName {
            self = .document
        } else if path == Self.pinsName {
            self = .pins
        } else if path == Self.cacheInfoName {
            self = .cacheInfo
        } else if let hash = TextName.narInfoHash(path) {
            self = .narInfo(hash)
        } else {
            guard let extra = CacheExtra(parsing: path) else { return nil }
            self = .extra(extra)
        }
    }
}

extension CacheText: CustomStringConvertible {
    package var description: String {
        switch self {
        case .document: Self.documentName
        case .pins: Self.pinsName
        case .cacheInfo: Self.cacheInfoName
        case .narInfo(let hash): "\(TextName.narInfo(hash))"
        case .extra(let extra): "\(extra)"
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
