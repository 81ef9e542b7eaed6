// SPDX-License-Identifier: Apache-2.0

/// A file in which some stretches of lines are ours, each between two marks.
///
/// Everything else in it is kept byte by byte, whatever it is: taking our lines away gives back the
/// text they were added to, in whatever order they go.
package struct MarkedText: Hashable, Sendable {
    /// Why our lines cannot be told from the others.
    package struct Damage: Error, Hashable, CustomStringConvertible {
        /// From 1.
        package let line: Int

        package var description: String {
            "line \(line): a mark of firn use that was changed by hand; put it back, or remove the"
                + " marks with what is between them"
        }
    }

    /// One stretch.
    package struct Block: Hashable, Sendable {
        package var mark: SetupMark
        /// The lines between the marks, each with its end.
        package var body: [UInt8]
        /// What the mark says of the body, as it was written.
        let sum: String
        /// With the marks, in bytes from the start of the text.
        package var range: Range<Int>

        /// Whether the lines are as they were written.
        package var isUntouched: Bool { SetupMark.sum(of: body) == sum }
    }

    package let bytes: [UInt8]
    /// In the order of the text.
    package let blocks: [Block]

    package init(parsing bytes: [UInt8]) throws(Damage) {
        self.bytes = bytes
        var blocks: [Block] = []
        var open: (mark: SetupMark, sum: String, start: Int, bodyStart: Int, line: Int)?
        var number = 0
        var position = 0
        while position < bytes.count {
            number += 1
            let end = bytes[position...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
            let isOurs = bytes[position..<end].starts(with: "# firn use: ".utf8)
            if isOurs {
                let line = String(decoding: bytes[position..<end].dropLast(), as: UTF8.self)
                if open == nil, let (mark, sum) = SetupMark.parse(line) {
                    open = (mark, sum, position, end, number)
                } else if let ours = open, line == SetupMark.ending + ours.mark.label,
                    bytes[end - 1] == 0x0A
                {
                    let body = Array(bytes[ours.bodyStart..<position])
                    blocks.append(
                        Block(
                            mark: ours.mark,
                            body: body,
                            sum: ours.sum,
                            range: ours.start..<end
                        )
                    )
                    open = nil
                } else {
                    throw Damage(line: number)
                }
            }
            position = end
        }
        if let open { throw Damage(line: open.line) }
        self.blocks = blocks
    }

    /// The blocks of a cache, by its URL or by the name it was given.
    ///
    /// `owner`: As their marks have it.
    package func blocks(of cache: String, for owner: String? = nil) -> [Block] {
        blocks.filter {
            ($0.mark.label == cache || $0.mark.alias == cache) && $0.mark.owner == owner
        }
    }

    package enum Place: Sendable {
        /// What comes first counts.
        case start
        /// What comes last counts.
        case end
    }

    /// The text with a block more; the mark says by itself whether a line end had to be added.
    package func adding(_ body: [UInt8], _ mark: SetupMark, at place: Place) -> [UInt8] {
        var mark = mark
        switch place {
        case .start: return Self.text(of: body, mark) + bytes
        case .end:
            mark.addedLineEnd = bytes.last.map { $0 != 0x0A } ?? false
            return bytes + (mark.addedLineEnd ? [0x0A] : []) + Self.text(of: body, mark)
        }
    }

    /// The text without a block, as it would be if that had never been added.
    ///
    /// What the mark says of the file itself passes to the block that stays.
    package func removing(_ block: Block) -> [UInt8] {
        var prefix = bytes[..<block.range.lowerBound]
        let suffix = bytes[block.range.upperBound...]
        let others = blocks.filter { $0.range != block.range }
        let heir = others.first { $0.range.lowerBound == block.range.upperBound } ?? others.first
        guard let heir else {
            if block.mark.addedLineEnd, suffix.isEmpty, prefix.last == 0x0A { prefix.removeLast() }
            return Array(prefix + suffix)
        }
        var mark = heir.mark
        mark.madeFile = mark.madeFile || block.mark.madeFile
        mark.madeFolders = max(mark.madeFolders, block.mark.madeFolders)
        mark.formerMode = block.mark.formerMode ?? mark.formerMode
        if block.mark.addedLineEnd {
            if heir.range.lowerBound == block.range.upperBound {
                mark.addedLineEnd = true
            } else if suffix.isEmpty, prefix.last == 0x0A {
                prefix.removeLast()
            }
        }
        let line = Self.firstLine(of: heir, mark)
        let start = heir.range.lowerBound
        let end = start + Self.firstLine(of: heir, heir.mark).count
        if start < block.range.lowerBound {
            return Array(bytes[..<start] + line + prefix[end...] + suffix)
        }
        return Array(prefix + suffix[..<start] + line + suffix[end...])
    }

    /// The text with other lines in a block.
    package func replacing(_ block: Block, by body: [UInt8]) -> [UInt8] {
        Array(
            bytes[..<block.range.lowerBound] + Self.text(of: body, block.mark)
                + bytes[block.range.upperBound...]
        )
    }

    private static func text(of body: [UInt8], _ mark: SetupMark) -> [UInt8] {
        Array("\(mark.line(sum: SetupMark.sum(of: body)))\n".utf8) + body
            + Array("\(SetupMark.ending)\(mark.label)\n".utf8)
    }

    /// The first mark as it stands there: the sum is the one that was written, also where the lines
    /// were changed since.
    private static func firstLine(of block: Block, _ mark: SetupMark) -> [UInt8] {
        Array("\(mark.line(sum: block.sum))\n".utf8)
    }
}
