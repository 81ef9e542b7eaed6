// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// An upload of one NAR's file.
package struct PushUpload: Hashable, Sendable {
    package let name: String
    /// A second name, where the cache gives two.
    package let token: String
    /// The stretches of the file that have arrived, in their order and not touching each other.
    package let arrived: [Range<UInt64>]
    /// Whether nothing is left but to commit.
    package let isComplete: Bool

    package init(
        name: String,
        token: String = "",
        arrived: [Range<UInt64>] = [],
        isComplete: Bool = false
    ) {
        self.name = name
        self.token = token
        self.arrived = arrived
        self.isComplete = isComplete
    }

    /// The stretches of a part that have not arrived.
    func missing(of part: Range<UInt64>) -> [Range<UInt64>] {
        var missing: [Range<UInt64>] = []
        var start = part.lowerBound
        for stretch in arrived where stretch.overlaps(part) {
            if stretch.lowerBound > start { missing.append(start..<stretch.lowerBound) }
            start = max(start, stretch.upperBound)
        }
        if start < part.upperBound { missing.append(start..<part.upperBound) }
        return missing
    }
}

/// A piece of a compressed NAR.
package struct UploadPart: Sendable {
    /// From 1 on.
    package let number: Int
    /// Where in the file it begins.
    package let offsetBytes: UInt64
    package let bytes: [UInt8]
    /// MD5 of the bytes; empty where nobody wants it.
    package let md5: [UInt8]

    package init(number: Int, offsetBytes: UInt64, bytes: [UInt8], hasMD5: Bool = true) {
        self.number = number
        self.offsetBytes = offsetBytes
        self.bytes = bytes
        md5 = hasMD5 ? MD5Digest.digest(of: bytes) : []
    }

    /// Where in the file it is.
    var stretch: Range<UInt64> { offsetBytes..<offsetBytes + UInt64(bytes.count) }
}

/// What the cache said of a part that it has.
package struct PartReceipt: Hashable, Sendable {
    package let number: Int
    /// As it came; empty where the cache gives none.
    package let entityTag: String

    package init(number: Int, entityTag: String = "") {
        self.number = number
        self.entityTag = entityTag
    }
}
