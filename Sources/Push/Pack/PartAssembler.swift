// SPDX-License-Identifier: Apache-2.0
import Compression
import NixFormat

/// Puts frames together into a file, and cuts that into parts.
///
// SAFETY: one piece of work at a time has it; ``LargePack`` waits for each before the next.
final class PartAssembler: @unchecked Sendable {
    /// What object stores take for one file.
    static let mostParts = 10_000

    struct TooManyParts: Error, Hashable {
        let partBytes: Int
    }

    let partBytes: Int
    private var table = SeekTableBuilder()
    private var hasher: SHA256Hasher?
    private var current: [UInt8] = []
    private var number = 1
    private(set) var fileSizeBytes: UInt64 = 0

    /// - Parameters:
    ///   - partBytes: What every part but the last has.
    ///   - hashes: Whether ``fileHash`` is wanted.
    init(partBytes: Int, hashes: Bool) {
        self.partBytes = partBytes
        hasher = hashes ? SHA256Hasher() : nil
    }

    /// Takes the next frame.
    ///
    /// - Returns: The part that it completes, as its bytes.
    func append(_ frame: [UInt8], inputBytes: Int) throws -> (number: Int, bytes: [UInt8])? {
        table.add(compressedBytes: frame.count, inputBytes: inputBytes)
        return try add(frame)
    }

    /// Takes the table of frames, which is the file's end.
    ///
    /// - Returns: The part that it completes, and what is left.
    func finish() throws -> [(number: Int, bytes: [UInt8])] {
        var parts = [try add(table.bytes())].compactMap { $0 }
        if !current.isEmpty { parts.append((number, current)) }
        current = []
        return parts
    }

    var fileHash: NixHash? { hasher?.finalize() }

    private func add(_ bytes: [UInt8]) throws -> (number: Int, bytes: [UInt8])? {
        hasher?.update(bytes)
        fileSizeBytes += UInt64(bytes.count)
        if current.isEmpty { current.reserveCapacity(partBytes) }
        let space = partBytes - current.count
        guard bytes.count >= space else {
            current += bytes
            return nil
        }
        guard number <= Self.mostParts else { throw TooManyParts(partBytes: partBytes) }
        current += bytes[..<space]
        let part = (number, current)
        number += 1
        current = []
        let rest = bytes[space...]
        if !rest.isEmpty {
            current.reserveCapacity(partBytes)
            current += rest
        }
        return part
    }
}
