// SPDX-License-Identifier: Apache-2.0
import NixFormat
import NixStore

/// Reads stretches of a NAR, of which most lie behind the ones before, and some a little in front.
///
/// The place of a byte in a tree of files is only found by going through all files before it. A few
/// readers that have got somewhere are therefore kept, and go on from there.
final class StretchReader: @unchecked Sendable {
    // SAFETY: whoever makes it reads one time after the other.
    private struct Reader {
        let source: NARReader
        var position: UInt64
    }

    /// Stretches of two segments overlap, those of three hardly.
    private static let maximumReaders = 3

    private let nar: LocalNAR
    private var readers: [Reader] = []

    init(_ nar: LocalNAR) {
        self.nar = nar
    }

    /// The stretches one behind the other, which nobody has verified; blocks.
    ///
    /// - Throws: What ``LocalNAR/read(_:)`` throws; not to be asked again then.
    func read(_ stretches: [Range<UInt64>]) throws -> [UInt8] {
        guard case .store(let info, let store) = nar.place else { return try nar.read(stretches) }
        return try unsafe LocalNAR.read(stretches) { stretch, space in
            let index = try reader(at: stretch.lowerBound, of: info, in: store)
            let count = try unsafe LocalNAR.read(readers[index].source, into: space)
            readers[index].position += UInt64(count)
            return count
        }
    }

    private func reader(
        at offset: UInt64,
        of info: PathInfo,
        in store: any LocalStore
    ) throws -> Int {
        let nearest = readers.indices.filter { readers[$0].position <= offset }
            .max { readers[$0].position < readers[$1].position }
        if let nearest {
            try readers[nearest].source.skip(offset - readers[nearest].position)
            readers[nearest].position = offset
            return nearest
        }
        if readers.count == Self.maximumReaders {
            let last = readers.indices.max { readers[$0].position < readers[$1].position }
            readers.remove(at: last ?? 0)
        }
        let source = try store.openNAR(info, range: offset..<info.narSizeBytes)
        readers.append(Reader(source: source, position: offset))
        return readers.count - 1
    }
}
