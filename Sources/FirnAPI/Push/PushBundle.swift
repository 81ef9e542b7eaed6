// SPDX-License-Identifier: Apache-2.0

/// The line in front of each NAR of a bundle.
///
/// - Shape: `HASH-NARHASH.nar.zst NARSIZE FILESIZE` and a line feed; sizes in bytes.
package struct PushBundle {
    /// The longest NAR that travels in a bundle.
    package static let maximumNARBytes: UInt64 = 4 << 20
    /// No line is longer, the line feed included.
    package static let maximumLineBytes = 256

    package struct Head: Hashable, Sendable {
        /// The name of the NAR in the depot.
        package var key: String
        package var narSizeBytes: UInt64
        package var fileSizeBytes: UInt64

        package init(key: String, narSizeBytes: UInt64, fileSizeBytes: UInt64) {
            self.key = key
            self.narSizeBytes = narSizeBytes
            self.fileSizeBytes = fileSizeBytes
        }

        /// Reads a line without its line feed.
        ///
        /// - Returns: `nil` for what is no such line.
        package init?(parsing line: some Sequence<UInt8>) {
            guard let text = String(validating: Array(line), as: UTF8.self) else { return nil }
            let words = text.split(separator: " ", omittingEmptySubsequences: false)
            guard words.count == 3, let narSize = Self.number(words[1]),
                let fileSize = Self.number(words[2])
            else { return nil }
            self.init(key: String(words[0]), narSizeBytes: narSize, fileSizeBytes: fileSize)
        }

        /// Only as it is written: no signs, no zeros in front.
        private static func number(_ word: Substring) -> UInt64? {
            guard let number = UInt64(word), "\(number)" == word else { return nil }
            return number
        }

        package func write() -> [UInt8] { Array("\(key) \(narSizeBytes) \(fileSizeBytes)\n".utf8) }
    }
}
