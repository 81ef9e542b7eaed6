// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// The content coding `dcz`: zstd with a dictionary that both sides have, named by its SHA-256.
///
/// - Shape: `5E 2A 4D 18 20 00 00 00`, which is the head of a skippable frame of zstd with 32 bytes
///   in it, the SHA-256 of the dictionary, then zstd with the dictionary as raw prefix.
/// - Source: RFC 9842, section 5.
package enum DictionaryCompressedZstd {
    /// The token in `Accept-Encoding` and `Content-Encoding`.
    package static let token = "dcz"

    private static let magic: [UInt8] = [0x5E, 0x2A, 0x4D, 0x18, 0x20, 0, 0, 0]

    /// Bytes in front of the zstd frame.
    package static let headBytes = 40

    /// Every decoder has a window of at least 8 MiB, or 1.25 times the dictionary, up to 128 MiB.
    ///
    /// What is made here has all of its contents for a window, so that this bounds the contents.
    package static func maximumContentBytes(dictionaryBytes: Int) -> Int {
        min(max(8 << 20, dictionaryBytes / 4 * 5), 128 << 20)
    }

    /// Packs contents.
    ///
    /// - Parameters:
    ///   - contents: At most ``maximumContentBytes(dictionaryBytes:)``.
    ///   - dictionary: What they are like.
    ///   - hash: SHA-256 of the dictionary.
    ///   - compressor: What does it.
    /// - Returns: The whole body.
    /// - Throws: `CompressionError`, which no input causes.
    package static func encode(
        _ contents: [UInt8],
        dictionary: [UInt8],
        hash: NixHash,
        with compressor: borrowing PrefixCompressor
    ) throws(CompressionError) -> [UInt8] {
        precondition(hash.digest.count == 32, "a dictionary is named by its SHA-256")
        return try compressor.compress(
            contents,
            prefix: dictionary,
            behind: magic + hash.digest
        )
    }

    /// Unpacks a body.
    ///
    /// - Parameters:
    ///   - body: All of it.
    ///   - dictionary: The bytes that were offered.
    ///   - hash: SHA-256 of them.
    ///   - contentBytes: How many bytes have to come out: no more are made, whatever the body says.
    /// - Returns: The contents.
    /// - Throws: ``DeltaError``; nobody knows then what the contents are.
    package static func decode(
        _ body: [UInt8],
        dictionary: [UInt8],
        hash: NixHash,
        contentBytes: Int
    ) throws(DeltaError) -> [UInt8] {
        guard body.prefix(magic.count).elementsEqual(magic) else { throw .notADelta }
        guard body.count > headBytes else { throw .truncated(byteOffset: UInt64(body.count)) }
        guard body[magic.count..<headBytes].elementsEqual(hash.digest) else {
            throw .wrongDictionary
        }
        let unpacker: PrefixUnpacker
        do throws(CompressionError) {
            unpacker = try PrefixUnpacker()
        } catch {
            throw .codec(error)
        }
        let contents = unpacker.unpack(
            body[headBytes...],
            prefix: dictionary,
            outputBytes: contentBytes
        )
        guard let contents else { throw .damaged }
        return contents
    }
}
