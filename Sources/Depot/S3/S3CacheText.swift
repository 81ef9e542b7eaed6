// SPDX-License-Identifier: Apache-2.0

/// Narinfos of named caches, which name their objects from where they lie: a bucket has no links.
enum S3CacheText {
    private static let near = Array("\nURL: nar/".utf8)
    private static let far = Array("\nURL: ../../nar/".utf8)

    static func write(_ text: [UInt8], _ name: TextName) -> [UInt8] {
        guard case .ofCache(_, .narInfo) = name else { return text }
        return replacing(near, with: far, in: text)
    }

    static func read(_ text: [UInt8], _ name: TextName) -> [UInt8] {
        guard case .ofCache(_, .narInfo) = name else { return text }
        return replacing(far, with: near, in: text)
    }

    private static func replacing(
        _ from: [UInt8],
        with to: [UInt8],
        in text: [UInt8]
    ) -> [UInt8] {
        guard let range = text.firstRange(of: from) else { return text }
        return text[..<range.lowerBound] + to + text[range.upperBound...]
    }
}
