// SPDX-License-Identifier: Apache-2.0
import Compression
package import NixFormat

/// Which stretches of a base are like a stretch of a target, by the files in them.
///
/// A file is held against the one of the same path; where there is none, against the one whose path
/// differs in digits alone, as a library's does from version to version. Of a large file only the
/// surroundings of the same place are taken.
package struct SegmentPlan: Sendable {
    /// A file of the target, and what it is held against.
    private struct Piece {
        let offset: UInt64
        let sizeBytes: UInt64
        let baseOffset: UInt64
        let baseSizeBytes: UInt64
    }

    /// Where a file of the base is.
    private struct Place {
        let offset: UInt64
        let sizeBytes: UInt64
    }

    /// Files up to this are taken as a whole.
    private static let wholeFileBytes: UInt64 = 1 << 20
    /// So much is taken around the same place of a larger one: code moves as functions grow.
    private static let slackBytes: UInt64 = 4 << 20
    /// Framing in front of the contents and behind them: names, mostly.
    private static let framingBytes: UInt64 = 256
    /// What lies so close together becomes one stretch.
    private static let nearBytes: UInt64 = 16 << 10

    private let pieces: [Piece]
    private let baseSizeBytes: UInt64

    package init(target: NARListing, base: NARListing, baseSizeBytes: UInt64) {
        self.baseSizeBytes = baseSizeBytes
        // By hashes of the paths: there may be hundreds of thousands, and two that are mistaken for
        // each other cost a few bytes.
        var exact: [Int: Place] = [:]
        var similar: [Int: Place] = [:]
        base.forEachFile { path, offset, sizeBytes in
            let place = Place(offset: offset, sizeBytes: sizeBytes)
            exact[path.hashValue] = place
            similar[Self.withoutDigits(path).hashValue] = place
        }
        var pieces: [Piece] = []
        target.forEachFile { path, offset, sizeBytes in
            guard sizeBytes > 0,
                let found = exact[path.hashValue] ?? similar[Self.withoutDigits(path).hashValue]
            else { return }
            pieces.append(
                Piece(
                    offset: offset,
                    sizeBytes: sizeBytes,
                    baseOffset: found.offset,
                    baseSizeBytes: found.sizeBytes
                )
            )
        }
        self.pieces = pieces
    }

    /// Whether nothing of the target is like anything of the base.
    package var isEmpty: Bool { pieces.isEmpty }

    /// Ascending, apart from each other, and within the bounds of one segment.
    package func stretches(for range: Range<UInt64>) -> [Range<UInt64>] {
        var wanted: [Range<UInt64>] = []
        for piece in pieces[firstPiece(endingAfter: range.lowerBound)...] {
            guard piece.offset < range.upperBound else { break }
            wanted.append(surroundings(of: range, in: piece))
        }
        return Self.merged(wanted)
    }

    private func firstPiece(endingAfter offset: UInt64) -> Int {
        var (lower, upper) = (0, pieces.count)
        while lower < upper {
            let middle = (lower + upper) / 2
            if pieces[middle].offset + pieces[middle].sizeBytes > offset {
                upper = middle
            } else {
                lower = middle + 1
            }
        }
        return lower
    }

    private func surroundings(of range: Range<UInt64>, in piece: Piece) -> Range<UInt64> {
        var (start, end) = (UInt64(0), piece.baseSizeBytes)
        if piece.baseSizeBytes > Self.wholeFileBytes {
            let from = max(range.lowerBound, piece.offset) - piece.offset
            let to = min(range.upperBound, piece.offset + piece.sizeBytes) - piece.offset
            let scale = Double(piece.baseSizeBytes) / Double(piece.sizeBytes)
            let (first, last) = (UInt64(Double(from) * scale), UInt64(Double(to) * scale))
            start = first > Self.slackBytes ? first - Self.slackBytes : 0
            end = min(end, last + Self.slackBytes)
        }
        let lower = piece.baseOffset + min(start, end)
        let upper = min(piece.baseOffset + end + Self.framingBytes, baseSizeBytes)
        return (lower > Self.framingBytes ? lower - Self.framingBytes : 0)..<upper
    }

    private static func merged(_ wanted: [Range<UInt64>]) -> [Range<UInt64>] {
        let sorted = wanted.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
        var near = nearBytes
        while true {
            var merged: [Range<UInt64>] = []
            for stretch in sorted {
                if let last = merged.last, stretch.lowerBound <= last.upperBound + near {
                    merged[merged.count - 1] =
                        last.lowerBound..<max(last.upperBound, stretch.upperBound)
                } else {
                    merged.append(stretch)
                }
            }
            if merged.count <= SegmentedDelta.maximumStretches { return cut(merged) }
            near *= 4
        }
    }

    /// What is over the bound is left out, from the end.
    private static func cut(_ stretches: [Range<UInt64>]) -> [Range<UInt64>] {
        var left = UInt64(SegmentedDelta.maximumPrefixBytes)
        var kept: [Range<UInt64>] = []
        for stretch in stretches where left > 0 {
            let count = min(left, UInt64(stretch.count))
            kept.append(stretch.lowerBound..<stretch.lowerBound + count)
            left -= count
        }
        return kept
    }

    private static func withoutDigits(_ path: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in path {
            guard (0x30...0x39).contains(byte) else {
                result.append(byte)
                continue
            }
            if result.last != 0x23 { result.append(0x23) }
        }
        return result
    }
}

extension NARListing {
    /// Goes through the files whose places are told, with their paths below the root.
    fileprivate func forEachFile(_ body: ([UInt8], UInt64, UInt64) -> Void) {
        // How much of the path belongs to the directory of each depth.
        var lengths: [Int] = []
        var path: [UInt8] = []
        for node in nodes {
            lengths.removeLast(max(0, lengths.count - node.depth))
            path.removeLast(path.count - (lengths.last ?? 0))
            path.append(0x2F)
            path += node.name
            switch node.kind {
            case .directory: lengths.append(path.count)
            case .regular(let sizeBytes, _, let offset?): body(path, offset, sizeBytes)
            case .regular, .symlink: break
            }
        }
    }
}
