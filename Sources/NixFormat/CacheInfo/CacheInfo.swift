// SPDX-License-Identifier: Apache-2.0

/// What `nix-cache-info` says about a binary cache.
///
/// Clients keep it for a week, so changes take that long to arrive.
public struct CacheInfo: Hashable, Sendable {
    /// The store of the paths, or `nil` when it is not told.
    ///
    /// A client with another one refuses the cache.
    public var storeDirectory: StoreDirectory?
    /// Whether clients may ask for many paths at once.
    public var wantsMassQuery: Bool
    /// The place among a client's caches, lowest first.
    ///
    /// `nil` is no such line, which clients take for 0: they ask this cache before all others.
    public var priority: Int?

    /// Why text is not a cache's information; offsets count bytes from its start.
    public enum ParseError: Error, Hashable, Sendable {
        /// The store directory is not one.
        case invalidStoreDirectory(StoreDirectory.ParseError, byteOffset: Int)
        /// The priority is not an integer.
        case invalidPriority(byteOffset: Int)
    }

    /// Describes a cache.
    public init(storeDirectory: StoreDirectory?, wantsMassQuery: Bool, priority: Int?) {
        self.storeDirectory = storeDirectory
        self.wantsMassQuery = wantsMassQuery
        self.priority = priority
    }

    /// Reads the file; lines without a colon and unknown names are ignored, as Nix does.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        self.init(storeDirectory: nil, wantsMassQuery: false, priority: nil)
        let bytes = Array(text.utf8)
        for line in bytes.split(separator: 0x0A) {
            guard let colon = line.firstIndex(of: 0x3A) else { continue }
            let value = line[(colon + 1)...].trimmingSpace()
            switch String(decoding: line[..<colon], as: UTF8.self) {
            case "StoreDir": storeDirectory = try Self.storeDirectory(value)
            case "WantMassQuery": wantsMassQuery = value.elementsEqual([0x31])
            case "Priority":
                guard let number = Int(String(decoding: value, as: UTF8.self)) else {
                    throw .invalidPriority(byteOffset: value.startIndex)
                }
                priority = number
            default: break
            }
        }
    }

    /// The text of the file.
    public func write() -> [UInt8] { Array(description.utf8) }

    private static func storeDirectory(
        _ value: ArraySlice<UInt8>
    ) throws(ParseError) -> StoreDirectory {
        do throws(StoreDirectory.ParseError) {
            return try StoreDirectory(parsing: String(decoding: value, as: UTF8.self))
        } catch {
            throw .invalidStoreDirectory(error, byteOffset: value.startIndex)
        }
    }
}

extension CacheInfo: CustomStringConvertible {
    /// The text of the file.
    public var description: String {
        var text = ""
        if let storeDirectory { text += "StoreDir: \(storeDirectory)\n" }
        text += "WantMassQuery: \(wantsMassQuery ? 1 : 0)\n"
        if let priority { text += "Priority: \(priority)\n" }
        return text
    }
}

extension CacheInfo.ParseError: CustomStringConvertible {
    /// One line for people, without the nested cause.
    public var description: String {
        switch self {
        case .invalidStoreDirectory(_, let offset): "not a store directory at byte \(offset)"
        case .invalidPriority(let offset): "not a priority at byte \(offset)"
        }
    }
}
